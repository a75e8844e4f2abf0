"""Train the model: `python3 train.py WORK_DIR -o CHECKPOINT.pt`."""
import argparse
import math
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import augment
import corpus
import labels
from frontend import features
from model import Model

LABEL_WEIGHTS = torch.tensor([2.5, 2.5, 1.0, 0.5, 2.2, 1.0, 0.6, 0.6])
LEVEL = labels.NAMES.index("level_dbfs")
FLOOR = (-70.0 + 35.0) / 20.0  # of the features
AUX = len(augment.AUX_BANDS) - 1 + 5


def log(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def masked_mean(loss, mask):
    """Mean over the defined entries of every column, [n, k] -> [k]."""
    return (loss * mask).sum(0) / mask.sum(0).clamp(min=1)


def contrastive(style, ids, y, temperature=0.15):
    """Supervised contrastive loss on the centred style vector. Clips of another
    style with nearly the same labels are neither positives nor negatives."""
    z = F.normalize(style - style.mean(0), dim=1)
    sim = z @ z.T / temperature
    same = ids[:, None] == ids[None, :]
    me = torch.eye(len(ids), dtype=torch.bool)
    y = torch.nan_to_num(y)
    near = ((y[:, None] - y[None]) ** 2).mean(2).sqrt() < 0.12
    sim = sim.masked_fill(me | (near & ~same), -1e9)
    log_p = sim - torch.logsumexp(sim, 1, keepdim=True)
    positive = same & ~me
    has = positive.any(1)
    loss = -(log_p * positive).sum(1)[has] / positive.sum(1)[has]
    return loss.mean() if has.any() else sim.sum() * 0


def rank_loss(style):
    """log of sum of squared shares of the covariance's eigenvalues (0 at rank one)."""
    z = style - style.mean(0)
    gram = z @ z.T
    return torch.log((gram ** 2).sum() / gram.trace() ** 2)


def usage_loss(weights):
    """1 - normalised entropy of the mean token weights."""
    p = weights.mean((0, 1))
    return 1 + (p * torch.log(p + 1e-9)).sum() / math.log(len(p))


class LocalHeads(nn.Module):
    """Linear read-outs of F0, voicing and syllables along time from the third and
    fourth convolution; they teach the convolutions and are thrown away."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(64 * 10, 3), nn.Linear(64 * 5, 3)])

    def forward(self, stages, targets):
        total = 0.0
        for head, stage, target in zip(self.heads, stages[2:4], targets):
            guess = head(stage.transpose(1, 2).flatten(2))
            tone = (target[..., :1] - 7.3) / 0.75
            ok = torch.isfinite(tone)
            off = F.smooth_l1_loss(guess[..., :1], torch.nan_to_num(tone), reduction="none",
                                   beta=0.3)
            total = total + 2 * (off * ok).sum() / ok.sum().clamp(min=1) \
                + F.mse_loss(guess[..., 1:2], target[..., 1:2]) \
                + 2 * F.mse_loss(guess[..., 2:], target[..., 2:])
        return total


class Batches:
    """Batches of features, each used `echo` times: making one costs more than
    learning from it. A repeat comes later and at another level."""

    def __init__(self, maker, groups, echo, seed, mean, std, aux_mean, aux_std):
        self.maker, self.groups, self.echo = maker, groups, echo
        self.stats = mean, std, aux_mean, aux_std
        self.rng = np.random.default_rng(seed)
        self.kept = []  # [batch, remaining uses]
        self.seconds = 0.0

    def _make(self):
        began = time.time()
        mean, std, aux_mean, aux_std = self.stats
        x, y, aux, ids, local = self.maker.batch(self.groups)
        y = (torch.from_numpy(labels.to_model(y)) - mean) / std
        aux = (torch.from_numpy(aux) - aux_mean) / aux_std
        batch = features(torch.from_numpy(x)), y, aux, torch.from_numpy(ids), \
            [torch.from_numpy(v) for v in local]
        self.seconds += time.time() - began
        return batch

    def next(self):
        fresh = self.rng.random() < 1 / self.echo or len(self.kept) < 8
        if fresh:
            batch = self._make()
            if self.echo > 1:
                self.kept.append([batch, self.echo - 1])
            return batch
        k = self.rng.integers(max(1, len(self.kept) - 4))
        (x, y, aux, ids, local), _ = self.kept[k]
        self.kept[k][1] -= 1
        if self.kept[k][1] <= 0:
            self.kept.pop(k)
        # the pairs of a group move together
        gain = np.repeat(self.rng.uniform(-5, 5, len(x) // 4), 4).astype(np.float32)
        gain = torch.from_numpy(gain)
        y = y.clone()
        y[:, LEVEL] += gain / self.stats[1][LEVEL]
        return (x + gain[:, None, None] / 20).clamp(min=FLOOR), y, aux, ids, local


def freeze_norms(model, maker, batches=60):
    """Fix the statistics of batch normalisation to the mean over many batches, and
    train on exactly as the model will be used. (Statistics of the last few batches
    cost up to 0.3 of R2.)"""
    norms = model.encoder.bns
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    with torch.no_grad():
        for _ in range(batches):
            model(features(torch.from_numpy(maker.batch(8)[0])))
    norms.eval()
    norms.train = lambda mode=True: norms  # stay so


def predict(model, audio, arrays, limit=None):
    """Prosody values (log2 where the model has log2) of the whole clips of a split."""
    out = []
    model.eval()
    with torch.no_grad():
        count = len(arrays["offset"]) - 1
        for i in range(0, count, 1 if limit is None else max(1, count // limit)):
            x = audio[arrays["offset"][i]:arrays["offset"][i + 1]].astype(np.float32) / 32768
            out.append((i, model(features(torch.from_numpy(x))[None])[3][0].numpy()))
    model.train()
    return np.array([i for i, _ in out]), np.stack([y for _, y in out])


def r_squared(true, guess):
    ok = np.isfinite(true)
    true, guess = true[ok], guess[ok]
    return 1 - ((true - guess) ** 2).sum() / ((true - true.mean()) ** 2).sum()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--steps", type=int, default=5500)
    parser.add_argument("--groups", type=int, default=14, help="four clips each")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contrast", type=float, default=0.15)
    parser.add_argument("--aux", type=float, default=0.3)
    parser.add_argument("--local", type=float, default=0.3)
    parser.add_argument("--rank", type=float, default=0.03)
    parser.add_argument("--echo", type=int, default=2, help="uses of every batch")
    parser.add_argument("--stop", type=int, help="end after this many of the steps")
    parser.add_argument("--freeze-norms", action="store_true")
    parser.add_argument("--init", help="start from this checkpoint")
    return parser.parse_args()


def learning_rate(steps, warm=150):
    """Share of the full rate at a step: up in a line, down in half a cosine."""
    def share(step):
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) + 1e-3
    return share


def main():
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    data = augment.Corpus(*corpus.load(args.work, "train"))
    dev_audio, dev, _ = corpus.load(args.work, "dev")
    dev_labels = labels.to_model(corpus.measured(dev_audio, dev))
    maker = augment.Augmenter(data, args.seed)

    # means and deviations of what the model will be shown
    seen = [maker.batch(4)[1:3] for _ in range(60)]
    y = labels.to_model(np.concatenate([s[0] for s in seen]))
    aux = np.concatenate([s[1] for s in seen])
    mean, std = (torch.tensor(f(y, axis=0)) for f in (np.nanmean, np.nanstd))
    aux_mean, aux_std = (torch.tensor(f(aux, axis=0)) for f in (np.nanmean, np.nanstd))
    log("means", np.round(mean.numpy(), 2), "deviations", np.round(std.numpy(), 2))

    model = Model()
    head = nn.Linear(256, AUX)
    local_heads = LocalHeads()
    if args.init:
        saved = torch.load(args.init)
        model.load_state_dict(saved["model"])
        mean, std = saved["mean"], saved["std"]
        aux_mean, aux_std = saved["aux_mean"], saved["aux_std"]
        head.load_state_dict(saved["head"])
        if "local_heads" in saved:
            local_heads.load_state_dict(saved["local_heads"])
    if args.freeze_norms:
        freeze_norms(model, maker)
    params = list(model.parameters()) + list(head.parameters()) + list(local_heads.parameters())
    optimiser = torch.optim.AdamW(params, lr=args.rate, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.LambdaLR(optimiser, learning_rate(args.steps))
    began, totals = time.time(), []
    batches = Batches(maker, args.groups, args.echo, args.seed, mean, std, aux_mean, aux_std)
    for step in range(args.stop or args.steps):
        x, y, aux, ids, local = batches.next()
        stages = []
        _, style, weights, guess = model(x, stages)
        along = local_heads(stages, local)
        mask, aux_mask = torch.isfinite(y), torch.isfinite(aux)
        y0, aux0 = torch.nan_to_num(y), torch.nan_to_num(aux)
        per_label = masked_mean(F.smooth_l1_loss(guess, y0, reduction="none", beta=0.5), mask)
        label_loss = (per_label * LABEL_WEIGHTS).sum() / LABEL_WEIGHTS.sum()
        aux_loss = masked_mean(F.smooth_l1_loss(head(style), aux0, reduction="none"),
                               aux_mask).mean()
        con = contrastive(style, ids, y)
        use = usage_loss(weights)
        rank = rank_loss(style)
        loss = label_loss + args.contrast * con + 0.3 * use + args.aux * aux_loss \
            + args.rank * rank + args.local * along
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 2.0)
        optimiser.step()
        plan.step()
        totals.append([v.item() for v in (label_loss, con, use, aux_loss, rank, along)])
        if (step + 1) % 100 == 0:
            spent = time.time() - began
            log("step %d/%d, %.0f s left, data %.0f%%;" % (
                step + 1, args.steps, spent / (step + 1) * (args.steps - step - 1),
                100 * batches.seconds / spent),
                "label %.3f contrast %.3f usage %.4f aux %.3f rank %.2f local %.3f" % tuple(
                    np.mean(totals[-100:], 0)),
                np.round(per_label.detach().numpy(), 2))
        if (step + 1) % 500 == 0 or step + 1 in (args.steps, args.stop):
            index, got = predict(model, dev_audio, dev, 120)
            got = got * std.numpy() + mean.numpy()
            true = dev_labels[index]  # (all clips of dev have one level: no R2 for it)
            log("dev R2", " ".join("%s %.3f" % (n, r_squared(true[:, i], got[:, i]))
                                   for i, n in enumerate(labels.NAMES) if n != "level_dbfs"))
            torch.save({"model": model.state_dict(), "head": head.state_dict(),
                        "local_heads": local_heads.state_dict(), "mean": mean, "std": std,
                        "aux_mean": aux_mean, "aux_std": aux_std, "step": step + 1,
                        "args": vars(args)}, args.output)


if __name__ == "__main__":
    main()
