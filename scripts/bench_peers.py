#!/usr/bin/env python3
"""The same work in PyTorch, ONNX Runtime and librosa, beside stylet: one table of ratios.

    make bench BENCH_ARGS=--short
    python3 scripts/bench_peers.py [--variant release] [--rounds 7]

The work: ten seconds of 16 kHz speech, log-mel spectrogram, the standard GST reference
encoder and its token attention (the model that `make bench` leaves in build/VARIANT/bench/gst);
and a DelightfulTTS conformer block (bench_conformer.py).
One thread each. The programs take turns, round by round, and every ratio is the median over
the rounds; the vectors are compared first, so that it is the same work. What is not installed
is left out and named. torchaudio's mel is torch.stft and one matrix product; where torchaudio
itself is absent these two calls stand in for it.
"""
import argparse
import importlib
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import wave

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import bench_conformer

ROOT = pathlib.Path(__file__).resolve().parent.parent
RATE, N_FFT, HOP, WINDOW, MELS = 16000, 1024, 200, 800, 80
CHANNELS = [1, 32, 32, 64, 64, 128, 128]


def load(name):
    """The module, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def read_wav(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def read_weights(folder):
    """The float32 tensors of a model folder: {name: array}."""
    data = (pathlib.Path(folder) / "weights.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data, "<f4", int(np.prod(e["shape"])), start + e["data_offsets"][0]).reshape(e["shape"])
            for name, e in header.items()}


def slaney_filters():
    """librosa.filters.mel(sr=16000, n_fft=1024, n_mels=80): [MELS, N_FFT / 2 + 1]."""
    def to_mel(hz):
        return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1) / 1000) * 27 / np.log(6.4))

    def to_hz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hz(np.linspace(0, to_mel(np.float64(RATE / 2)), MELS + 2))
    bins = np.linspace(0, RATE / 2, N_FFT // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    up, down = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return (np.maximum(0, np.minimum(up, down)) * 2 / (high - low)).astype(np.float32)


class Torch:
    """Front end and network in PyTorch."""

    def __init__(self, torch, tensors):
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self.torch, self.filters = torch, torch.from_numpy(slaney_filters())
        self.window = torch.hann_window(WINDOW)
        self.network = self._network({k: torch.from_numpy(v.copy()) for k, v in tensors.items()}).eval()

    def mel(self, samples):
        torch = self.torch
        x = torch.from_numpy(samples)
        x = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
        spectrum = torch.stft(x, N_FFT, HOP, WINDOW, self.window, center=True, pad_mode="reflect",
                              return_complex=True).abs()
        level = 20 * torch.log10(torch.clamp(self.filters @ spectrum, min=1e-5))
        return torch.clamp((level - 20 + 100) / 100, 1e-8, 1).T.contiguous()

    def _network(self, w):
        torch = self.torch
        nn = torch.nn

        class Gst(nn.Module):
            def __init__(self):
                super().__init__()
                pairs = list(zip(CHANNELS, CHANNELS[1:]))
                self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairs)
                self.bns = nn.ModuleList(nn.BatchNorm2d(b) for _, b in pairs)
                self.gru = nn.GRU(256, 128, batch_first=True)
                self.query = nn.Linear(128, 256, bias=False)
                self.key, self.value = nn.Linear(32, 256, bias=False), nn.Linear(32, 256, bias=False)
                self.tokens = nn.Parameter(torch.zeros(10, 32))

            def forward(self, mel):
                x = mel[:, None]
                for conv, norm in zip(self.convs, self.bns):
                    x = torch.relu(norm(conv(x)))
                x = x.transpose(1, 2).flatten(2)
                tokens = torch.tanh(self.tokens)
                query = self.query(self.gru(x)[1][0]).reshape(8, 1, 32)
                key = self.key(tokens).reshape(10, 8, 32).permute(1, 2, 0)
                value = self.value(tokens).reshape(10, 8, 32).transpose(0, 1)
                return (torch.softmax(query @ key / 32 ** 0.5, -1) @ value).reshape(1, 256)

        names = {"tokens": "stl.embed", "query.weight": "stl.attention.W_query.weight",
                 "key.weight": "stl.attention.W_key.weight", "value.weight": "stl.attention.W_value.weight"}
        network = Gst()
        for name, target in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                target.copy_(w[names.get(name, "encoder." + name)])
        return network

    def style(self, mel):
        return self.network(mel[None])[0]


def onnx_session(torch_peer, mel, folder):
    """An ONNX Runtime session of the same network, or a sentence saying why not."""
    runtime = load("onnxruntime")
    if runtime is None or load("onnx") is None:
        return None, "onnxruntime and onnx are not installed"
    path = os.path.join(folder, "gst.onnx")
    warnings.simplefilter("ignore")
    try:
        torch_peer.torch.onnx.export(torch_peer.network, (mel[None],), path, input_names=["mel"], dynamo=False)
    except Exception as error:  # an exporter that lacks a package says so in many ways
        return None, f"the export to ONNX failed: {error}"
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"]), None


def typical(call, clock=time.process_time):
    """Milliseconds of processor time: the median of five rounds, each the better of two calls, as in tests/bench."""
    times = []
    for _ in range(10):
        begin = clock()
        call()
        times.append(clock() - begin)
    return 1e3 * statistics.median(map(min, times[::2], times[1::2]))


def process(command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 1e3 * (time.perf_counter() - begin)


class Peers:
    """What is installed: calls to time by name, rows of the table, sentences about the rest."""

    def __init__(self, torch, bench, folder):
        self.torch = Torch(torch, read_weights(bench / "gst"))
        self.samples = read_wav(bench / "clip.wav")
        self.mel = self.torch.mel(self.samples)
        self.missing = []
        self.calls = {"torch mel": lambda: self.torch.mel(self.samples),
                      "torch network": lambda: self.torch.style(self.mel),
                      "torch total": lambda: self.torch.style(self.torch.mel(read_wav(bench / "clip.wav")))}
        self.rows = [("PyTorch", "mel", ["torch mel"], "stylet mel"),
                     ("PyTorch", "network", ["torch network"], "stylet network"),
                     ("PyTorch", "WAV to style", ["torch total"], "stylet total"),
                     ("a Python script", "one clip, whole process", ["script process"], "stylet process")]
        self._mels()
        self._onnx(folder)
        self._conformer(folder)

    def _mels(self):
        torch, torchaudio, librosa = self.torch.torch, load("torchaudio"), load("librosa")
        if torchaudio is None:
            self.missing.append("torchaudio is not installed: torch.stft and a matrix product stand in for its mel")
        else:
            transform = torchaudio.transforms.MelSpectrogram(RATE, N_FFT, WINDOW, HOP, n_mels=MELS, norm="slaney",
                                                             mel_scale="slaney", power=1)
            samples = torch.from_numpy(self.samples)
            self.calls["torchaudio mel"] = lambda: torch.log10(transform(samples).clamp(min=1e-5))
            self.rows.append(("torchaudio", "mel", ["torchaudio mel"], "stylet mel"))
        if librosa is None:
            self.missing.append("librosa is not installed")
        else:
            self.calls["librosa mel"] = lambda: np.log10(np.maximum(1e-5, librosa.feature.melspectrogram(
                y=self.samples, sr=RATE, n_fft=N_FFT, hop_length=HOP, win_length=WINDOW, n_mels=MELS, power=1)))
            self.rows.append(("librosa", "mel", ["librosa mel"], "stylet mel"))

    def _onnx(self, folder):
        session, why = onnx_session(self.torch, self.mel, folder)
        if session is None:
            self.missing.append(why)
            return
        feed = {"mel": self.mel[None].numpy()}
        self.calls["onnx network"] = lambda: session.run(None, feed)
        self.rows += [("ONNX Runtime", "network", ["onnx network"], "stylet network"),
                      ("ONNX Runtime, PyTorch mel", "mel and network", ["onnx network", "torch mel"], "stylet total")]


    def _conformer(self, folder):
        torch, width, frames = self.torch.torch, bench_conformer.WIDTH, bench_conformer.FRAMES
        block = bench_conformer.make_block(torch)
        self.block_model, self.block_input = os.path.join(folder, "block"), os.path.join(folder, "block.npy")
        bench_conformer.write_model(block, self.block_model)
        x = np.random.default_rng(0).standard_normal((frames, width)).astype(np.float32)
        np.save(self.block_input, x)
        x = torch.from_numpy(x)[None]
        self.block_output = block(x)[0].numpy()
        self.block = lambda: block(x)
        self.rows.append(("PyTorch", f"conformer block {width}, {frames} frames", ["torch block"], "stylet block"))


def output_of(command):
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout)


def check_same_work(stylet, peers, command):
    block = [stylet, "extract", "-q", "-m", peers.block_model, peers.block_input]
    for args, want in ((command, peers.torch.style(peers.mel).numpy()), (block, peers.block_output)):
        distance = np.abs(np.array(output_of(args)["style"]) - want).max()
        if not distance < 1e-4:
            sys.exit(f"bench_peers: the results differ by {distance:.2g}: this would not compare the same work")


def one_round(bench, peers, command):
    """(milliseconds by name, stylet's own figures)"""
    parts = [bench / "bench", bench / "gst", ROOT / "tests/fixtures/a_en.wav", bench, bench.parent / "stylet",
             bench / "empty", "--json", "--rounds", "5"]
    figures = output_of(parts)
    times = {f"stylet {part}": figures[f"{part}_ms"] for part in ("mel", "network", "total")}
    times.update((name, typical(call)) for name, call in peers.calls.items())
    times["torch block"] = typical(peers.block, time.perf_counter)  # `stylet bench` goes by the wall clock too
    block = output_of([bench.parent / "stylet", "bench", "-q", "--json", "--seconds", "0.5", "-m", peers.block_model,
                       peers.block_input])
    times["stylet block"] = block["p50_ms"]
    times["stylet process"] = statistics.median(process(command) for _ in range(3))
    times["script process"] = process([sys.executable, __file__, "--one", str(bench / "gst"), str(bench / "clip.wav")])
    return times, figures


def print_table(rounds, rows):
    print("| peer | part | ms | stylet ms | stylet is faster by |\n|---|---|---|---|---|")
    for peer, part, theirs, ours in rows:
        sums = [sum(r[name] for name in theirs) for r in rounds]
        own = [r[ours] for r in rounds]
        ratio = statistics.median(a / b for a, b in zip(sums, own))
        print(f"| {peer} | {part} | {statistics.median(sums):.2f} | {statistics.median(own):.2f} | {ratio:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="release", help="which build [release]")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "WAV"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch = load("torch")
    if torch is None:
        sys.exit("bench_peers: PyTorch is not installed for this Python; nothing to compare with")
    if options.one:  # what a script does for one clip; the caller times the whole process
        model, path = options.one
        peer = Torch(torch, read_weights(model))
        print(json.dumps(peer.style(peer.mel(read_wav(path))).tolist()))
        return
    bench = ROOT / "build" / options.variant / "bench"
    if not (bench / "clip.wav").exists():
        sys.exit("bench_peers: run 'make bench BENCH_ARGS=--short' first")
    command = [str(bench.parent / "stylet"), "extract", "-q", "-m", str(bench / "gst"), "--set", "trim=none",
               str(bench / "clip.wav")]
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(torch, bench, folder)
        check_same_work(bench.parent / "stylet", peers, command)
        rounds, figures = zip(*(one_round(bench, peers, command) for _ in range(options.rounds)))
    versions = [f"PyTorch {torch.__version__}"]
    versions += [f"{name} {load(name).__version__}" for name in ("torchaudio", "librosa", "onnxruntime") if load(name)]
    print(f"stylet kernels {figures[0]['cpu_path']}, OpenBLAS {figures[0]['openblas']}; {', '.join(versions)}; "
          f"one thread; medians of {options.rounds} rounds\n")
    print_table(rounds, peers.rows)
    for sentence in peers.missing:
        print(f"\n{sentence}.")


if __name__ == "__main__":
    main()
