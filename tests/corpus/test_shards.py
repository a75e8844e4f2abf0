"""Shards: every entry in exactly one, the environment of job arrays, merging, GNU parallel and Kaldi's JOB."""
import json
import os
import shlex
import shutil
import subprocess
import unittest

import corpus
import stylet
import tap

NAMES = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT")


class Base(stylet.Case):
    def setUp(self):
        super().setUp()
        self.paths = corpus.clips(self.scratch / "clips", 23, 0.3)
        self.list = self.scratch / "list.csv"
        rows = (f"{path},s{i % 5},{0.1 + i % 4},c{i}\n" for i, path in enumerate(self.paths))
        self.list.write_text("path,speaker,duration,note\n" + "".join(rows))
        corpus.broken(self.paths[4], 3)

    def shard(self, which, *more, out="out.npz", env=None):
        return stylet.run("extract", "--shard", which, "--files-from", self.list, "-o", self.scratch / out, "-j", 1, *more, env=env)

    def whole(self, out, *more):
        stylet.run("extract", "-q", "--files-from", self.list, "-o", self.scratch / out, *more)
        return corpus.digest(self.scratch / out)


class Merge(Base):
    def test_every_rule_puts_each_entry_into_one_shard_and_merges_to_the_whole(self):
        want = self.whole("whole.npz")
        for rule in ("contiguous", "hash", "speaker", "duration"):
            for i in range(1, 4):
                self.assertIn(self.shard(f"{i}/3", "--shard-by", rule, out=f"{rule}.npz").returncode, (0, 1))
            self.ok("merge", self.scratch / f"{rule}.npz")
            self.assertEqual(corpus.digest(self.scratch / f"{rule}.npz"), want, rule)

    def test_merging_may_change_the_format_and_sort_and_count(self):
        for i in range(1, 3):
            self.shard(f"{i}/2")
        shards = sorted(self.scratch.glob("out.*.npz"))
        self.ok("merge", "--sort", "--status", self.scratch / "status.jsonl", self.scratch / "all.jsonl", *shards)
        want = self.whole("whole.jsonl", "--sort")
        self.assertEqual(corpus.digest(self.scratch / "all.jsonl"), want)
        rows = [json.loads(line) for line in (self.scratch / "status.jsonl").read_text().splitlines()]
        self.assertEqual(sum(row["status"] == "error" for row in rows), 1)
        self.assertEqual(len(rows), 23)

    def test_means_over_speakers_are_merged_from_clips_and_not_from_means(self):
        for i in range(1, 4):
            self.shard(f"{i}/3", "--average", "speaker", out="m.npz")
        self.ok("merge", self.scratch / "m.npz")
        self.assertEqual(corpus.digest(self.scratch / "m.npz"), self.whole("w.npz", "--average", "speaker"))

    def test_missing_foreign_and_damaged_shards_are_refused(self):
        for i in (1, 3):
            self.shard(f"{i}/3")
        self.assertEqual(stylet.run("missing", self.scratch / "out.npz").stdout, b"2\n")
        self.assertEqual(json.loads(stylet.run("missing", "--json", self.scratch / "out.npz").stdout), {"total": 3, "missing": [2]})
        self.fails(2, "merge", self.scratch / "out.npz", saying="shard 2 of 3 is not finished")
        self.shard("2/3", "--start", "0.125")
        self.fails(2, "merge", self.scratch / "out.npz", saying="options differs, 'start=0.125' there and 'start=0' in shard 1")
        self.shard("2/3", "--overwrite", "-m", stylet.ROOT / "models" / "examples" / "feed_forward")
        self.fails(2, "merge", self.scratch / "out.npz", saying="the model's name differs, 'feed_forward' there and 'default' in shard 1")
        self.shard("2/3", "--overwrite")
        log = self.scratch / "out.002-of-003.log"
        log.write_bytes(log.read_bytes()[:-5])
        self.fails(2, "merge", self.scratch / "out.npz", saying="damaged")
        self.shard("2/3", "--overwrite")
        self.ok("merge", self.scratch / "out.npz")
        self.assertEqual(stylet.run("missing", "--sbatch", self.scratch / "out.npz").returncode, 0)

    def test_ranges_of_missing_shards_are_written_for_sbatch(self):
        for i in (1, 4):
            self.shard(f"{i}/9")
        self.assertEqual(stylet.run("missing", "--sbatch", self.scratch / "out.npz").stdout, b"2-3,5-9\n")


class Environment(Base):
    def choose(self, variables, which="auto"):
        env = {name: "" for name in NAMES}
        done = stylet.run("extract", "--shard", which, "--dry-run", "--files-from", self.list, "-o", self.scratch / "x.npz",
                          env={**env, **variables})
        return done.err.split("stylet: shard ")[1].split(":")[0] if done.returncode == 0 else done.err

    def slurm(self, task, low, high, count, step=1):
        return dict(zip(NAMES, map(str, (task, low, high, step, count))))

    def test_slurm_arrays_from_zero_or_one_are_understood(self):
        self.assertEqual(self.choose(self.slurm(3, 1, 8, 8)), "3 of 8, from SLURM_ARRAY_TASK_ID")
        self.assertEqual(self.choose(self.slurm(0, 0, 7, 8)), "1 of 8, from SLURM_ARRAY_TASK_ID")
        self.assertEqual(self.choose(self.slurm(6, 0, 6, 3, 3)), "3 of 3, from SLURM_ARRAY_TASK_ID")

    def test_hand_picked_numbers_need_a_total(self):
        self.assertIn("hand-picked", self.choose(self.slurm(5, 2, 5, 2)))
        self.assertEqual(self.choose(self.slurm(5, 2, 5, 2), "auto/8"), "5 of 8, from SLURM_ARRAY_TASK_ID")
        self.assertIn("expected 1 to 4", self.choose(self.slurm(5, 2, 5, 2), "auto/4"))

    def test_other_engines_count_in_their_own_ways(self):
        self.assertEqual(self.choose({"AWS_BATCH_JOB_ARRAY_INDEX": "0", "AWS_BATCH_JOB_ARRAY_SIZE": "4"}), "1 of 4, from AWS_BATCH_JOB_ARRAY_INDEX")
        self.assertEqual(self.choose({"SGE_TASK_ID": "2", "SGE_TASK_FIRST": "1", "SGE_TASK_LAST": "4", "SGE_TASK_STEPSIZE": "1"}), "2 of 4, from SGE_TASK_ID")
        self.assertEqual(self.choose({"LSB_JOBINDEX": "4", "LSB_JOBINDEX_END": "4"}), "4 of 4, from LSB_JOBINDEX")
        self.assertIn("does not say how many", self.choose({"PBS_ARRAY_INDEX": "2"}))
        self.assertEqual(self.choose({"JOB_COMPLETION_INDEX": "2"}, "auto/5"), "3 of 5, from JOB_COMPLETION_INDEX")

    def test_none_and_two_engines_are_refused(self):
        self.assertIn("no job array", self.choose({"SGE_TASK_ID": "undefined"}))
        self.assertIn("both", self.choose({"LSB_JOBINDEX": "1", "LSB_JOBINDEX_END": "2", "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}))

    def test_a_shard_beyond_the_total_is_refused(self):
        for which in ("0/4", "5/4", "x/4", "1-2/4", "4", "1/0"):
            self.assertEqual(self.shard(which).returncode, 2, which)

    def test_workers_come_from_the_scheduler(self):
        done = stylet.run("extract", "-q", *self.paths[:3], env={"SLURM_CPUS_PER_TASK": "1"})
        self.assertEqual(done.returncode, 0, done.err)


class Engines(Base):
    def test_kaldis_job_is_a_shard(self):
        (self.scratch / "wav.scp").write_text("".join(f"{p.stem} {p}\n" for p in self.paths))
        out = f"ark,scp:{self.scratch}/style.ark,{self.scratch}/style.scp"
        for job in range(1, 5):  # what run.pl JOB=1:4 does: each argument with JOB replaced
            command = ["extract", "-q", "--shard", "JOB/4", "--files-from", str(self.scratch / "wav.scp"), "-o", out]
            self.assertIn(stylet.run(*[a.replace("JOB", str(job)) for a in command]).returncode, (0, 1))
        self.ok("merge", out)
        merged = [(self.scratch / f"style.{kind}").read_bytes() for kind in ("ark", "scp")]
        stylet.run("extract", "-q", "--overwrite", "--files-from", self.scratch / "wav.scp", "-o", out)
        self.assertEqual(merged, [(self.scratch / f"style.{kind}").read_bytes() for kind in ("ark", "scp")])
        self.assertTrue((self.scratch / "style.002-of-004.ark").exists() and (self.scratch / "style.002-of-004.scp").exists())

    @unittest.skipUnless(shutil.which("parallel"), "no GNU parallel here (scripts/setup.sh test)")
    def test_gnu_parallel_runs_shards_and_counts_the_bad_ones(self):
        out = self.scratch / "out.npz"
        done = subprocess.run(["parallel", "-j", "2", "--joblog", str(self.scratch / "jobs"), shlex.quote(stylet.STYLET), "extract", "-q", "-j", "1",
                               "--shard", "{}/4", "--resume", "--files-from", str(self.list), "-o", str(out), ":::", "1", "2", "3", "4"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "HOME": str(self.scratch)})
        self.assertEqual(done.returncode, 1, done.stdout)  # one shard has the bad clip
        self.ok("merge", out)
        self.assertEqual(corpus.digest(out), self.whole("whole.npz"))


if __name__ == "__main__":
    tap.main()
