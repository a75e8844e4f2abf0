"""The Slurm recipes on a real Slurm of four nodes: whole run, a task requeued, a shard retried, one result."""
import os
import shutil
import tempfile
import unittest

import cluster
import corpus
import stylet
import tap

SCRIPTS = stylet.ROOT / "scripts" / "slurm"
CLIPS = 160


def programs_missing():
    path = os.environ["PATH"] + ":/usr/sbin"
    return [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name, path=path)]


@unittest.skipIf(programs_missing() or os.geteuid() != 0, "no Slurm here (scripts/setup.sh test), or not root")
class Slurm(stylet.Case):
    def setUp(self):
        super().setUp()
        folder = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")  # socket paths must be short
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.cluster = cluster.Cluster(folder)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        self.cluster.env["STYLET"] = stylet.STYLET
        self.paths = corpus.clips(self.scratch / "clips", CLIPS, 1.0)
        corpus.broken(self.paths[11], 3)
        self.list = self.scratch / "wav.scp"
        slow, self.go = {3, 143}, self.scratch / "go"  # these are in shards 1 and 8, which so are met at work
        self.list.write_text("".join(f"{path.stem} " + (f"until test -e {self.go}; do sleep 0.1; done; cat {path} |\n" if i in slow else f"{path}\n")
                                     for i, path in enumerate(self.paths)))
        self.log = f"--output={self.scratch}/%A_%a.log"

    def logs(self):
        return "\n".join(f"{log.name}: {log.read_text()[-600:]}" for log in sorted(self.scratch.glob("*.log")) if "-of-" not in log.name)

    def test_an_array_with_a_requeued_and_a_lost_task_merges_to_the_bytes_of_one_run(self):
        out, whole = self.scratch / "out.npz", self.scratch / "whole.npz"
        work = [SCRIPTS / "extract.sbatch", out, "--files-from", self.list, "--allow-pipes"]
        job = self.cluster.submit(self.log, "--array=1-8", "--cpus-per-task=1", *work)
        # one task is requeued while it runs or waits, one is lost for good
        self.cluster.wait(lambda: {"1 RUNNING", "8 RUNNING"} <= set(self.cluster.queued(job)) and
                          (self.scratch / "out.001-of-008.log").exists() and (self.scratch / "out.008-of-008.log").exists(), 60)
        self.cluster.call("scontrol", "requeue", f"{job}_1", check=False)
        self.cluster.call("scancel", f"{job}_8", check=False)
        self.go.touch()
        self.cluster.finish(job, 240, hurry=f"{job}_1")  # Slurm would wait two minutes before it starts that one again
        (self.scratch / "out.005-of-008.done.json").unlink()  # as if this one had been lost too
        self.assertIn("stopped by a signal", (self.scratch / f"{job}_1.log").read_text())
        self.assertIn("resuming:", (self.scratch / f"{job}_1.log").read_text())
        self.assertFalse((self.scratch / "out.008-of-008.done.json").exists())
        missing = stylet.run("missing", "--total", 8, "--sbatch", out)
        self.assertEqual(missing.returncode, 1, self.logs())
        array = missing.stdout.decode().strip()
        self.assertEqual(array, "5,8")
        refused = stylet.run("merge", out)
        self.assertEqual(refused.returncode, 2)
        retry = self.cluster.submit(self.log, f"--array={array}", "--export=ALL,SHARDS=8", "--cpus-per-task=1", *work)
        merge = self.cluster.submit(f"--output={self.scratch}/merge.txt", f"--dependency=afterany:{retry}", SCRIPTS / "merge.sbatch", out)
        self.cluster.finish(retry, 240)
        self.cluster.finish(merge, 60)
        done = stylet.run("extract", "-q", "--allow-pipes", "--files-from", self.list, "-o", whole)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(out.exists(), self.logs() + (self.scratch / "merge.txt").read_text())
        self.assertEqual(corpus.digest(out), corpus.digest(whole))


if __name__ == "__main__":
    tap.main()
