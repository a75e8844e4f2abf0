"""The standard global-style-token encoder with a linear read-out of prosody."""
import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = [32, 32, 64, 64, 128, 128]


class Encoder(nn.Module):
    """Six strided convolutions and a GRU: [batch, frames, 80] -> [batch, 128]."""

    def __init__(self, mels=80, units=128):
        super().__init__()
        sizes = [1] + CHANNELS
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(sizes, CHANNELS))
        self.bns = nn.ModuleList(nn.BatchNorm2d(b) for b in CHANNELS)
        width = mels
        for _ in CHANNELS:
            width = (width + 1) // 2
        self.gru = nn.GRU(CHANNELS[-1] * width, units, batch_first=True)

    def forward(self, x, stages=None):
        """`stages`: a list that receives the output of every convolution."""
        y = x[:, None]
        for conv, norm in zip(self.convs, self.bns):
            y = F.relu(norm(conv(y)))
            if stages is not None:
                stages.append(y)
        y = y.transpose(1, 2).flatten(2)  # [batch, steps, channels * width]
        return self.gru(y)[1][0]


class Attention(nn.Module):
    def __init__(self, units=128, token_dim=32, size=256, heads=8):
        super().__init__()
        self.heads, self.token_dim = heads, token_dim
        self.W_query = nn.Linear(units, size, bias=False)
        self.W_key = nn.Linear(token_dim, size, bias=False)
        self.W_value = nn.Linear(token_dim, size, bias=False)

    def forward(self, query, tokens):
        q = self.W_query(query).view(query.shape[0], self.heads, -1)
        k = self.W_key(tokens).view(tokens.shape[0], self.heads, -1)
        v = self.W_value(tokens).view(tokens.shape[0], self.heads, -1)
        scores = torch.einsum("nhd,khd->nhk", q, k) / self.token_dim ** 0.5
        weights = torch.softmax(scores, -1)
        return torch.einsum("nhk,khd->nhd", weights, v).flatten(1), weights


class StyleTokens(nn.Module):
    def __init__(self, tokens=10, token_dim=32):
        super().__init__()
        self.embed = nn.Parameter(torch.randn(tokens, token_dim) * 0.5)
        self.attention = Attention(token_dim=token_dim)

    def forward(self, reference):
        return self.attention(reference, torch.tanh(self.embed))


class Model(nn.Module):
    """`forward` gives reference [N,128], style [N,256], weights [N,8,10] and the
    linear prosody values [N,8] (log2 where `labels.LOG2` says so)."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.stl = StyleTokens()
        self.prosody = nn.Linear(256, 8)

    def forward(self, x, stages=None):
        reference = self.encoder(x, stages)
        style, weights = self.stl(reference)
        return reference, style, weights, self.prosody(style)
