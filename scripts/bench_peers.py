#!/usr/bin/env python3
"""What users would run instead of stylet, for bench.py: PyTorch, ONNX Runtime, torchaudio or librosa.

    python3 scripts/bench_peers.py MODEL CLIP.wav    what a Python script does for one clip, as a process

The work: log-mel spectrogram of ten seconds of 16 kHz speech, the standard GST reference encoder and its token
attention; further spectrograms; the networks of bench_models.py. One thread each. torchaudio's mel is torch.stft and one
matrix product; where torchaudio itself is absent these two calls stand in for it.
"""
import importlib
import json
import os
import pathlib
import statistics
import struct
import sys
import time
import warnings
import wave

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import bench_models

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


def typical(call):
    """Milliseconds of processor time: the median of five rounds, each the better of two calls, as in tests/bench."""
    times = []
    for _ in range(10):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    return 1e3 * statistics.median(map(min, times[::2], times[1::2]))


class Peers:
    """What is installed: calls to time by name, and sentences about what is not."""

    def __init__(self, torch, model, clip, folder):
        self.torch = Torch(torch, read_weights(model))
        self.samples = read_wav(clip)
        self.mel = self.torch.mel(self.samples)
        self.missing, self.mel_name = [], "torch.stft"
        self.calls = {"torch mel": lambda: self.torch.mel(self.samples),
                      "torch network": lambda: self.torch.style(self.mel),
                      "torch total": lambda: self.torch.style(self.torch.mel(read_wav(clip)))}
        self._mels()
        self._onnx(folder)
        self.networks = {key: bench_models.Network(torch, key, folder) for key in bench_models.Network.ALL}
        for key, network in self.networks.items():
            self.calls[f"torch {key}"] = network.call
        versions = [f"PyTorch {torch.__version__}"]
        self.versions = versions + [f"{name} {load(name).__version__}" for name in ("torchaudio", "librosa", "onnxruntime")
                                    if load(name)]

    def _mels(self):
        """Spectrograms of 80 mels over the same number of samples; filters of any shape cost the same."""
        torch, torchaudio, librosa = self.torch.torch, load("torchaudio"), load("librosa")
        samples = torch.from_numpy(self.samples)
        if torchaudio is None:
            self.missing.append("torchaudio is not installed: torch.stft and a matrix product stand in for its mel")
        else:
            self.mel_name = "torchaudio"
        self.mel_frames = {}
        for n_fft, hop in ((1024, 256), (2048, 300)):
            window, filters = torch.hann_window(n_fft), torch.rand(MELS, n_fft // 2 + 1)
            transform = torchaudio and torchaudio.transforms.MelSpectrogram(RATE, n_fft, n_fft, hop, n_mels=MELS, power=1)

            def call(n_fft=n_fft, hop=hop, window=window, filters=filters, transform=transform):
                if transform:
                    return torch.log(transform(samples).clamp(min=1e-5))
                spectrum = torch.stft(samples, n_fft, hop, n_fft, window, return_complex=True).abs()
                return torch.log(torch.clamp(filters @ spectrum, min=1e-5))
            self.calls[f"mel {n_fft}/{hop}"] = call
            self.mel_frames[f"mel {n_fft}/{hop}"] = call().shape[1]
        if librosa is None:
            self.missing.append("librosa is not installed")
        else:
            self.calls["librosa mel"] = lambda: np.log10(np.maximum(1e-5, librosa.feature.melspectrogram(
                y=self.samples, sr=RATE, n_fft=N_FFT, hop_length=HOP, win_length=WINDOW, n_mels=MELS, power=1)))

    def _onnx(self, folder):
        session, why = onnx_session(self.torch, self.mel, folder)
        if session is None:
            self.missing.append(why)
            return
        feed = {"mel": self.mel[None].numpy()}
        self.calls["onnx network"] = lambda: session.run(None, feed)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    peer = Torch(load("torch"), read_weights(sys.argv[1]))
    print(json.dumps(peer.style(peer.mel(read_wav(sys.argv[2]))).tolist()))


if __name__ == "__main__":
    main()
