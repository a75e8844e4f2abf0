"""A Slurm of four nodes inside a folder: its own key, ports, state; nothing under /etc or /run is touched."""
import os
import pathlib
import signal
import socket
import subprocess
import time

CONF = """\
ClusterName=stylet
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={dir}/munge/munge.sock
SlurmUser=root
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool.%n
SlurmctldPidFile={dir}/pid/slurmctld.pid
SlurmdPidFile={dir}/pid/slurmd.%n.pid
SlurmctldLogFile={dir}/log/slurmctld.log
SlurmdLogFile={dir}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={dir}/log/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MailProg=/bin/true
NodeName=n[1-4] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=2 RealMemory=2000
PartitionName=batch Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(n):
    """n ports in a row that nobody has."""
    for first in range(21000 + os.getpid() % 4000, 60000, n):
        sockets = []
        try:
            for port in range(first, first + n):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise OSError("no free ports")


class Cluster:
    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        for name in ("munge", "state", "pid", "log", "spool.n1", "spool.n2", "spool.n3", "spool.n4"):
            (self.dir / name).mkdir(parents=True)
        (self.dir / "munge").chmod(0o711)
        first = free_ports(5)
        host = socket.gethostname().partition(".")[0]
        (self.dir / "slurm.conf").write_text(CONF.format(dir=self.dir, host=host, port=first, first=first + 1, last=first + 4))
        (self.dir / "cgroup.conf").write_text("")
        key = self.dir / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        self.env = {**os.environ, "SLURM_CONF": str(self.dir / "slurm.conf"), "PATH": os.environ["PATH"] + ":/usr/sbin"}

    def call(self, *args, check=True):
        return subprocess.run([*map(str, args)], env=self.env, check=check, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=120, stdin=subprocess.DEVNULL).stdout

    def start(self):
        munge, conf = self.dir / "munge", self.dir / "slurm.conf"
        self.call("munged", f"--socket={munge}/munge.sock", f"--key-file={munge}/key", f"--pid-file={munge}/munged.pid",
                  f"--log-file={munge}/munged.log", f"--seed-file={munge}/munged.seed", "--force")
        self.call("slurmctld", "-i", "-f", conf)
        for n in range(1, 5):
            self.call("slurmd", "-N", f"n{n}", "-f", conf)
        self.wait(lambda: self.call("sinfo", "-h", "-t", "idle", "-o", "%D", check=False).strip() == "4", 60)

    def wait(self, is_so, seconds):
        end = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > end:
                logs = "".join(log.read_text()[-2000:] for log in (self.dir / "log").glob("slurm*.log"))
                raise TimeoutError(logs)
            time.sleep(0.1)

    def queued(self, job):
        """Lines "TASK STATE" of the job's tasks that are not over."""
        text = self.call("squeue", "-h", "-r", "-j", job, "-o", "%K %T", check=False)
        return ["0 UNKNOWN"] if "error" in text and "Invalid job id" not in text else text.splitlines()

    def submit(self, *args):
        return self.call("sbatch", "--parsable", *args).strip().splitlines()[-1].partition(";")[0]

    def finish(self, job, seconds=120, hurry=None):
        quiet = 0

        def over():
            nonlocal quiet, hurry
            lines = [line for line in self.queued(job) if line[:1].isdigit() or line.startswith("N/A")]
            if hurry and any("PENDING" in line for line in lines):
                # not at once: its node is still clearing up, and would refuse it
                self.call("scontrol", "update", f"JobId={hurry}", "StartTime=now+5", check=False)
                hurry = None
            quiet = 0 if lines else quiet + 1
            return quiet >= 10  # a task that is being requeued is in no list for a moment
        self.wait(over, seconds)

    def stop(self):
        pids = [*(self.dir / "pid").glob("slurmd.*.pid"), self.dir / "pid" / "slurmctld.pid", self.dir / "munge" / "munged.pid"]
        for file in pids:
            try:
                pid = int(file.read_text())
                os.kill(pid, signal.SIGTERM)
                end = time.monotonic() + 10
                while time.monotonic() < end and pathlib.Path(f"/proc/{pid}").exists():
                    time.sleep(0.05)
                os.kill(pid, signal.SIGKILL)
            except (OSError, ValueError):
                continue
