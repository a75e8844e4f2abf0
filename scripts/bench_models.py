"""Networks in PyTorch with random weights, and model folders with the same weights, for bench_peers.py: a DelightfulTTS
conformer block, both style encoders of StyleTTS 2, OpenVoice's reference encoder. Spectral and weight norms are folded
on both sides."""
import hashlib
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

CONVERT = pathlib.Path(__file__).resolve().parent / "convert_checkpoint.py"
WIDTH, HEADS = 384, 6  # of the conformer


def conformer(torch, frames):
    """Feed-forward, convolution module, relative attention, convolution module."""
    nn, functional = torch.nn, torch.nn.functional

    class ConvModule(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.GroupNorm(1, 2 * WIDTH)
            self.conv_1, self.conv_2 = nn.Conv1d(WIDTH, 4 * WIDTH, 1), nn.Conv1d(2 * WIDTH, WIDTH, 1)
            self.depthwise = nn.Conv1d(2 * WIDTH, 2 * WIDTH, 7, padding=3, groups=2 * WIDTH)

        def forward(self, x):
            a, b = self.conv_1(self.norm_1(x).transpose(1, 2)).chunk(2, 1)
            y = self.norm_2(self.depthwise(a * functional.leaky_relu(b, 0.3)))
            return self.conv_2(functional.leaky_relu(y, 0.3)).transpose(1, 2)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
            self.key, self.value, self.position = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
            self.u_bias = nn.Parameter(0.1 * torch.randn(HEADS, WIDTH // HEADS))
            self.v_bias = nn.Parameter(0.1 * torch.randn(HEADS, WIDTH // HEADS))
            step = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10000) / WIDTH))
            angle = torch.arange(frames)[:, None] * step
            self.encoding = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[None]

        def forward(self, x):
            def split(y):
                return y.view(y.shape[0], -1, HEADS, WIDTH // HEADS)
            q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
            p = split(self.position(self.encoding))
            content = (q + self.u_bias).transpose(1, 2) @ k.permute(0, 2, 3, 1)
            place = (q + self.v_bias).transpose(1, 2) @ p.permute(0, 2, 3, 1)
            t = x.shape[1]
            place = functional.pad(place, (1, 0)).view(1, HEADS, t + 1, t)[:, :, 1:]
            weights = torch.softmax((content + place) / WIDTH ** 0.5, -1)
            return self.out((weights @ v.transpose(1, 2)).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ff = nn.ModuleDict({"norm": nn.LayerNorm(WIDTH), "first": nn.Conv1d(WIDTH, 4 * WIDTH, 3, padding=1),
                                     "second": nn.Conv1d(4 * WIDTH, WIDTH, 1)})
            self.conv_1, self.conv_2 = ConvModule(), ConvModule()
            self.norm, self.attention = nn.LayerNorm(WIDTH), Attention()

        def forward(self, x):
            y = self.ff["first"](self.ff["norm"](x).transpose(1, 2))
            x = x + 0.5 * self.ff["second"](functional.leaky_relu(y, 0.3)).transpose(1, 2)
            x = x + self.conv_1(x)
            x = x + self.attention(self.norm(x))
            return x + self.conv_2(x)

    return Block()


def styletts2(torch, _frames):
    """StyleEncoder of yl4579/StyleTTS2 twice, for acoustic and prosodic style."""
    nn, functional = torch.nn, torch.nn.functional

    class Half(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.conv = nn.Conv2d(width, width, 3, 2, 1, groups=width)

    class ResBlk(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(a, a, 3, 1, 1), nn.Conv2d(a, b, 3, 1, 1)
            self.downsample_res = Half(a)
            self.conv1x1 = nn.Conv2d(a, b, 1, bias=False) if a != b else None

        def forward(self, x):
            shortcut = x if self.conv1x1 is None else self.conv1x1(x)
            if shortcut.shape[-1] % 2:
                shortcut = torch.cat([shortcut, shortcut[..., -1:]], -1)
            y = self.downsample_res.conv(self.conv1(functional.leaky_relu(x, 0.2)))
            return (functional.avg_pool2d(shortcut, 2) + self.conv2(functional.leaky_relu(y, 0.2))) / math.sqrt(2)

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            blocks = [ResBlk(a, b) for a, b in ((64, 128), (128, 256), (256, 512), (512, 512))]
            self.shared = nn.Sequential(nn.Conv2d(1, 64, 3, 1, 1), *blocks, nn.LeakyReLU(0.2), nn.Conv2d(512, 512, 5),
                                        nn.AdaptiveAvgPool2d(1), nn.LeakyReLU(0.2))
            self.unshared = nn.Linear(512, 128)

        def forward(self, x):
            return self.unshared(self.shared(x).flatten(1))

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.style_encoder, self.predictor_encoder = Encoder(), Encoder()

        def forward(self, x):
            image = x.transpose(1, 2)[:, None]
            return torch.cat([self.style_encoder(image), self.predictor_encoder(image)], 1)

    return Both()


def openvoice(torch, _frames):
    """ReferenceEncoder of myshell-ai/OpenVoice."""
    nn = torch.nn

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [1, 32, 32, 64, 64, 128, 128]
            self.layernorm = nn.LayerNorm(513)
            self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(widths, widths[1:]))
            self.gru, self.proj = nn.GRU(128 * 9, 128, batch_first=True), nn.Linear(128, 256)

        def forward(self, x):
            y = self.layernorm(x)[:, None]
            for conv in self.convs:
                y = torch.relu(conv(y))
            return self.proj(self.gru(y.transpose(1, 2).flatten(2))[1][0])

    return Encoder()


def write_block(tensors, folder):
    """A model folder with the conformer block as its only layer over features of its width."""
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        blobs.append(np.ascontiguousarray(array, "<f4").tobytes())
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(blobs[-1])]}
        at += len(blobs[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = len(text).to_bytes(8, "little") + text + b"".join(blobs)
    shapes = {name: {"dtype": "F32", "shape": list(array.shape)} for name, array in tensors.items()}
    weights = {"file": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest(), "tensors": shapes}
    layer = {"name": "block", "type": "conformer_block", "heads": HEADS, "weights": ""}
    manifest = {"format": "stylet", "version": 1, "name": "conformer-block",
                "front_end": {"sample_rate": 22050, "feature": "linear", "n_bins": WIDTH},
                "weights": [weights], "layers": [layer], "outputs": {"style": {"from": "block"}}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def convert(tensors, folder, family):
    """A model folder made from the tensors by the converter."""
    with tempfile.TemporaryDirectory() as work:
        checkpoint = pathlib.Path(work) / "random.npz"
        np.savez(checkpoint, **tensors)
        subprocess.run([sys.executable, CONVERT, checkpoint, "-o", folder, "--family", family, "--overwrite"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Network:
    """One network on both sides: a call of PyTorch's, and a model folder with an input for ours."""

    ALL = {"conformer": (conformer, "conformer block, 384 wide, 6 heads, 500 frames", 500, WIDTH),
           "styletts2": (styletts2, "StyleTTS 2, both style encoders, 3 s", 240, 80),
           "openvoice": (openvoice, "OpenVoice reference encoder, 10 s", 861, 513)}

    def __init__(self, torch, key, folder):
        make, self.title, self.frames, self.width = self.ALL[key]
        torch.manual_seed(1)
        network = make(torch, self.frames).eval()
        self.model, self.input = pathlib.Path(folder) / key, pathlib.Path(folder) / f"{key}.npy"
        tensors = {name: value.numpy() for name, value in network.state_dict().items()}
        if key == "conformer":
            write_block(tensors, self.model)
        else:
            convert(tensors, self.model, key)
        x = np.random.default_rng(0).standard_normal((self.frames, self.width)).astype(np.float32)
        np.save(self.input, x)
        x = torch.from_numpy(x)[None]
        self.call = lambda: network(x)
        self.output = network(x)[0].numpy()
