#!/usr/bin/env python3
"""Every speed that is promised, on this machine: the figure, the bar, and whether it is met.

    make bench                                       all of it, some minutes
    make bench BENCH_ARGS=--short                    without the long clips
    make bench PYTHON=/path/to/python                with the peers that this Python can import
    make bench-readme                                the same, into tests/bench/README.md

Parts in one thread go by its processor time, whole processes by the wall clock. Programs take turns, round by round,
and a ratio is the median of the rounds' ratios, because processors change their speed. Before anything is compared with a peer,
the results are: it must be the same work.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import bench_peers

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "a_en.wav"
median = statistics.median


class Report:
    """Lines for the reader, and the bars."""

    def __init__(self):
        self.lines, self.bars = [], []

    def say(self, line=""):
        self.lines.append(line)
        print(line, flush=True)

    def bar(self, what, figure, limit, least=False, unit=""):
        """least: the figure must be at least the limit, otherwise at most."""
        met = figure >= limit if least else figure <= limit
        text = f"{figure:.3g}{unit}" if figure < 1000 else f"{figure:.0f}{unit}"
        self.bars.append(f"| {what} | {text} | {'at least' if least else 'at most'} {limit:g}{unit} | "
                         f"{'ok' if met else 'MISSED'} |")

    def print_bars(self):
        for line in ["| bar | figure | promised | |", "|---|---|---|---|", *self.bars, ""]:
            self.say(line)


class Machine:
    """The programs under test and how they are started."""

    def __init__(self, folder, stylet):
        self.folder, self.stylet = pathlib.Path(folder), pathlib.Path(stylet)
        self.model, self.clip = self.folder / "gst", self.folder / "clip.wav"

    def bench(self, *args):
        command = [self.folder / "bench", *args]
        return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout)

    def run(self, *args):
        """A process that has finished: wall_s, cpu_s, peak_mib."""
        return self.bench("run", *args)

    def extract(self, *args):
        return [self.stylet, "extract", "-q", "-m", self.model, "--set", "trim=none", *args]

    def wav(self, seconds, path):
        subprocess.run([self.folder / "bench", "wav", FIXTURE, str(seconds), path], check=True)
        return path


def ratios(rounds, a, b):
    return median(r[a] / r[b] for r in rounds)


# ---- one thread ----

def parts(report, machine, n):
    """The way from a WAV file to a style vector, against the limit that the sgemm of the same rounds sets."""
    f = machine.bench("parts", machine.model, FIXTURE, machine.clip, n)
    report.say(f"Standard GST, 10 s at 16 kHz; kernels {f['cpu_path']}, sgemm {f['sgemm_gflops']:.1f} GFLOP/s; network "
               f"{f['network_mflop']:.0f} MFLOP, transforms {f['transform_mflop']:.0f} MFLOP:\n")
    report.say("| part | ms | ratio to the limit |\n|---|---|---|")
    for part in ("read", "resample", "mel", "network", "total"):
        ratio = "" if part in ("read", "resample") else f"{f[part + '_to_limit']:.2f}"
        report.say(f"| {part} | {f[part + '_ms']:.3f} | {ratio} |")
    report.say()
    report.bar("WAV file to style, ratio to the limit", f["total_to_limit"], 1.3 if f["cpu_path"] == "avx512" else 1.5)
    return f


def mels(report, machine, n):
    f = machine.bench("mel", FIXTURE, n)
    report.say(f"Front end alone (transform: {f['transform']}), microseconds a frame:\n")
    report.say("| case | kernels | measured | at an sgemm of 95 GFLOP/s |\n|---|---|---|---|")
    for case in f["cases"]:
        report.say(f"| {case['case']} | {case['path']} | {case['us']:.2f} | {case['us_at_95_gflops']:.2f} |")
    report.say()
    best = [case for case in f["cases"] if case["case"] == "1024/256, 80 mels"][-1]
    if best["path"] != "generic":
        report.bar(f"1024/256, 80 mels, {best['path']}, a frame at 95 GFLOP/s", best["us_at_95_gflops"],
                   0.75 if best["path"] == "avx512" else 1.0, unit=" us")


# ---- peers ----

def check_same_work(machine, peers):
    pairs = [(machine.extract(machine.clip), peers.torch.style(peers.mel).numpy())]
    pairs += [([machine.stylet, "extract", "-q", "-m", n.model, n.input], n.output) for n in peers.networks.values()]
    for command, want in pairs:
        style = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["style"]
        distance = np.abs(np.array(style) - want).max()
        if not distance < 1e-4:
            sys.exit(f"bench: the results of {command[-1]} differ by {distance:.2g}: this would not compare the same work")


def one_round(machine, peers):
    """Milliseconds by name."""
    figures = machine.bench("parts", machine.model, FIXTURE, machine.clip, 5)
    times = {part: figures[f"{part}_ms"] for part in ("mel", "network", "total")}
    for case in machine.bench("mel", FIXTURE, 3)["cases"]:  # the last path is the best one
        times[f"us {case['case']}"] = case["us"]
    for key, network in peers.networks.items():
        f = machine.bench("network", network.model, network.frames, network.width, 5)
        times[key], times[key + " products"] = f["ms"], f["products_at_sgemm_ms"]
    times.update((name, bench_peers.typical(call)) for name, call in peers.calls.items())
    for name, n_frames in peers.mel_frames.items():
        times[name + " us"] = 1e3 * times[name] / n_frames
    times["onnx and mel"] = times.get("onnx network", float("nan")) + times["torch mel"]
    return times


def print_peers(report, peers, rounds):
    mel = peers.mel_name
    rows = [("PyTorch", "mel 1024/200", "torch mel", "mel", 3), ("PyTorch", "network", "torch network", "network", None),
            (f"PyTorch, {mel}", "WAV to style", "torch total", "total", 3),
            (mel, "mel 1024/256, a frame", "mel 1024/256 us", "us 1024/256, 80 mels", 3),
            (mel, "mel 2048/300, a frame", "mel 2048/300 us", "us 2048/300, 80 mels", 3)]
    if "librosa mel" in rounds[0]:
        rows.append(("librosa", "mel 1024/200", "librosa mel", "mel", None))
    if "onnx network" in rounds[0]:
        rows += [("ONNX Runtime", "network", "onnx network", "network", None),
                 (f"ONNX Runtime, {mel}", "mel and network", "onnx and mel", "total", 2)]
    rows += [("PyTorch", network.title, f"torch {key}", key, 1.5) for key, network in peers.networks.items()]
    report.say(f"{', '.join(peers.versions)}; one thread; medians of {len(rounds)} rounds. Milliseconds, of spectrograms by "
               "the frame microseconds:\n")
    report.say("| peer | part | peer | stylet | stylet is faster by |\n|---|---|---|---|---|")
    for peer, part, theirs, ours, least in rows:
        ratio = ratios(rounds, theirs, ours)
        report.say(f"| {peer} | {part} | {median(r[theirs] for r in rounds):.2f} | {median(r[ours] for r in rounds):.2f} | "
                   f"{ratio:.2f} |")
        if least:
            report.bar(f"{part}, times as fast as {peer}", ratio, least, least=True)
    for sentence in peers.missing:
        report.say(f"\n{sentence}.")
    report.say("\nLayers against the machine: their multiply-adds alone, at the rate of the sgemm of the same round (convolutions of "
               "three bins in a row need fewer, see lib/math/winograd.h):\n")
    report.say("| network | products at sgemm's rate, ms | stylet ms | ratio | PyTorch ms | PyTorch to products |\n|---|---|---|---|---|---|")
    for key, network in peers.networks.items():
        products = f"{key} products"
        report.say(f"| {network.title} | {median(r[products] for r in rounds):.1f} | {median(r[key] for r in rounds):.1f} | "
                   f"{ratios(rounds, key, products):.2f} | {median(r['torch ' + key] for r in rounds):.1f} | "
                   f"{ratios(rounds, 'torch ' + key, products):.2f} |")
    report.say()


def with_peers(report, machine, n):
    """Comparisons with what this Python can import; returns a command that does one clip in Python, or None."""
    torch = bench_peers.load("torch")
    if torch is None:
        report.say("PyTorch is not installed for this Python: nothing to compare with.\n")
        return None
    with tempfile.TemporaryDirectory() as folder:
        peers = bench_peers.Peers(torch, machine.model, machine.clip, folder)
        check_same_work(machine, peers)
        print_peers(report, peers, [one_round(machine, peers) for _ in range(n)])
    return [sys.executable, ROOT / "scripts" / "bench_peers.py", machine.model, machine.clip]


# ---- processes ----

def processes(report, machine, script, n):
    commands = {"stylet": [machine.stylet, "extract", "-q", "-m", ROOT / "models" / "default", machine.clip],
                "empty": [machine.folder / "empty"]}
    if script:
        commands.update({"the same": machine.extract(machine.clip), "script": script})
    rounds = []
    for i in range(n + 1):
        done = {name: machine.run(*command) for name, command in commands.items() if name != "script" or i < 4}
        if i:  # the first one fills the file caches
            rounds.append({name: p["wall_s"] for name, p in done.items()})
            peak = done["stylet"]["peak_mib"]
    report.say(f"One clip of 10 s as a whole process, shipped model: {1e3 * median(r['stylet'] for r in rounds):.1f} ms; an "
               f"empty program with the same libraries: {1e3 * median(r['empty'] for r in rounds):.1f} ms.")
    report.bar("one clip, whole process, in empty programs", ratios(rounds, "stylet", "empty"), 3)
    report.bar("one clip, peak memory", peak, 64, unit=" MiB")
    if script:
        some = [r for r in rounds if "script" in r]
        report.say(f"One clip through the standard GST: {1e3 * median(r['the same'] for r in some):.1f} ms; the same by a Python "
                   f"script: {1e3 * median(r['script'] for r in some):.0f} ms.")
        report.bar("one clip, whole process, times as fast as a Python script", ratios(some, "script", "the same"), 100, least=True)
    report.say()


def workers(report, machine, n):
    """Two workers against two processes that know nothing of each other, each over half of the clips."""
    with tempfile.TemporaryDirectory(dir=machine.folder) as folder:
        clips = []
        for i in range(400):
            clips.append(pathlib.Path(folder) / f"{i:03}.wav")
            os.link(machine.clip, clips[-1])
        lists = [pathlib.Path(folder) / name for name in ("all.txt", "first.txt", "second.txt", "hundred.txt")]
        for path, some in zip(lists, (clips, clips[:200], clips[200:], clips[:100])):
            path.write_text("".join(f"{clip}\n" for clip in some))

        def corpus(path, jobs):
            return machine.extract("-j", jobs, "--files-from", path)
        rounds = []
        for _ in range(n):
            two = machine.run("sh", "-c", " & ".join(" ".join(map(str, corpus(path, 1))) for path in lists[1:3]) + " & wait")
            rounds.append({"two": two["wall_s"], "workers": machine.run(*corpus(lists[0], 2))["wall_s"]})
        report.say(f"400 clips of 10 s: two workers {median(r['workers'] for r in rounds):.2f} s, two independent processes "
                   f"{median(r['two'] for r in rounds):.2f} s.\n")
        report.bar("two workers, in two independent processes", ratios(rounds, "two", "workers"), 0.95, least=True)
        peaks = [machine.run(*corpus(lists[i], 1))["peak_mib"] for i in (3, 0)]
        report.bar("peak memory of 400 clips, less that of 100", peaks[1] - peaks[0], 1, unit=" MiB")


def warm(path):
    """Pages for the files of a run. The host of a virtual machine takes unused ones back, and the first touch of such a page costs
    ten times what the program needs for the bytes in it."""
    path.write_bytes(bytes(1 << 26))
    path.unlink()


def timed(machine, folder, *args):
    """The program with clocks around what a clip cannot do without: {clock: (seconds of all, seconds of that)}."""
    warm(folder / "warm")
    os.environ["BENCH_TIMED"] = str(folder / "timed")
    p = machine.run(machine.folder / "timed", *machine.extract(*args)[1:])
    cpu_s, wall_s, clocks_s = map(float, (folder / "timed").read_text().split())
    return {"cpu": (p["cpu_s"] - clocks_s, cpu_s), "wall": (p["wall_s"] - clocks_s, wall_s)}


def overhead(report, machine, n):
    """Clips beyond the first 200 of a run: everything its processes do, against opening, decoding, network and closing in the same processes."""
    few, many = 200, 1200
    with tempfile.TemporaryDirectory(dir=machine.folder) as folder:
        folder = pathlib.Path(folder)
        sounds = [machine.wav(1 + i / 10000, folder / f"sound{i}.wav") for i in range(50)]
        clips = [folder / f"{i:04}.wav" for i in range(many)]
        for i, clip in enumerate(clips):
            os.link(sounds[i % len(sounds)], clip)
        lists = {k: folder / f"{k}.txt" for k in (few, many)}
        for k, path in lists.items():
            path.write_text("".join(f"{clip}\n" for clip in clips[:k]))
        rounds = []
        for _ in range(n):
            done = {"alone": machine.bench("clips", machine.model, lists[many], 1)}
            for kind in ("npz", "jsonl"):
                a, b = (timed(machine, folder, "-j", 1, "--overwrite", "--files-from", lists[k], "-o", folder / f"out.{kind}") for k in (few, many))
                for clock in ("cpu", "wall"):
                    done[kind, clock] = [1e6 * (y - x) / (many - few) for x, y in zip(a[clock], b[clock])]
            rounds.append(done)
        report.say(f"Clips of one second, microseconds each, {many} less {few} of a run; needed: opening, decoding, network and closing:\n")
        report.say("| | processor time, all | needed | wall clock, all | needed |\n|---|---|---|---|---|")
        for kind in ("npz", "jsonl"):
            figures = " | ".join(f"{median(r[kind, clock][i] for r in rounds):.0f}" for clock in ("cpu", "wall") for i in (0, 1))
            report.say(f"| extract -j 1 -o out.{kind} | {figures} |")
        report.say(f"| the same clips in one warm process | | {median(r['alone']['cpu_us'] for r in rounds):.0f} | | "
                   f"{median(r['alone']['wall_us'] for r in rounds):.0f} |\n")
        for kind in ("npz", "jsonl"):
            for clock, name in (("cpu", "processor time"), ("wall", "wall clock")):
                more = median(100 * (r[kind, clock][0] / r[kind, clock][1] - 1) for r in rounds)
                report.bar(f"a clip of 1 s, {kind}: more than decoding and network, {name}", more, 5, unit=" %")


def growth(report, machine):
    path = machine.folder / "long.wav"
    done = {}
    report.say("| audio | processor time s | ms a second of audio, less the shortest | peak MiB |\n|---|---|---|---|")
    try:
        for seconds in (1, 10, 60, 600, 3600, 36000):
            machine.wav(seconds, path)
            runs = [machine.run(*machine.extract(path)) for _ in range(1 if seconds > 100 else 3)]
            cpu, peak = min(p["cpu_s"] for p in runs), max(p["peak_mib"] for p in runs)
            done[seconds] = cpu
            slope = "" if seconds == 1 else f"{1e3 * (cpu - done[1]) / (seconds - 1):.3f}"
            report.say(f"| {seconds} s | {cpu:.3f} | {slope} | {peak:.0f} |")
    finally:
        path.unlink(missing_ok=True)
    report.say()
    report.bar("a second of one hour, in seconds of ten minutes",
               (done[3600] - done[600]) / 3000 / ((done[600] - done[1]) / 599), 1.2)
    report.bar("ten hours, peak memory", peak, 128, unit=" MiB")


# ---- the whole ----

def describe(report):
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.splitlines()[:1]
    report.say(f"{datetime.date.today()}: {cpu.group(1) if cpu else platform.processor()}, {os.cpu_count()} processors, load "
               f"{os.getloadavg()[0]:.1f}; {platform.system()} {platform.release()}; {''.join(compiler)}.\n")


def write_readme(path, report):
    """The section Figures anew; sections behind it stay."""
    before, rest = path.read_text().split("## Figures\n", 1)
    _, mark, after = rest.partition("\n## ")
    path.write_text(before + "## Figures\n\n" + "\n".join(report.lines).rstrip() + "\n" + mark + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="build/VARIANT/bench, made by `make bench`")
    parser.add_argument("stylet", help="the program")
    parser.add_argument("--short", action="store_true", help="without the long clips")
    parser.add_argument("--rounds", type=int, default=7, help="of comparisons [7]")
    parser.add_argument("--readme", type=pathlib.Path, help="a file whose section Figures is replaced")
    options = parser.parse_args()
    report, machine = Report(), Machine(options.folder, options.stylet)
    describe(report)
    parts(report, machine, 25)
    mels(report, machine, 10)
    script = with_peers(report, machine, options.rounds)
    processes(report, machine, script, 15)
    workers(report, machine, 5)
    overhead(report, machine, 3 * options.rounds)
    if not options.short:
        growth(report, machine)
    report.print_bars()
    if options.readme:
        write_readme(options.readme, report)


if __name__ == "__main__":
    main()
