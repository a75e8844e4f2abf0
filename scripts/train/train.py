"""Train the model: `python3 train.py WORK_DIR -o CHECKPOINT.pt`."""
import argparse
import math
import multiprocessing
import os
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import augment
import corpus
import dev
import labels
from frontend import features
from model import Model

LABEL_WEIGHTS = "2.5,2.5,2.5,0.2,4,1,0.5,0.5"
# where the loss of a label turns from square to absolute, in standard deviations:
# small where the label can be had precisely
BETA = torch.tensor([0.1, 0.4, 0.1, 0.5, 0.25, 0.3, 0.4, 0.4])
FLOOR = (-70.0 + 35.0) / 20.0  # of the features
AUX = len(augment.AUX_BANDS) - 1 + 5


def log(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def masked_mean(loss, mask):
    """Mean over the defined entries of every column, [n, k] -> [k]."""
    return (loss * mask).sum(0) / mask.sum(0).clamp(min=1)


def huber(guess, target):
    off = (guess - target).abs()
    return torch.where(off < BETA, off ** 2 / (2 * BETA), off - BETA / 2)


def contrastive(style, ids, y, temperature=0.15):
    """Supervised contrastive loss on the centred style vector. Clips of another
    style with nearly the same labels are neither positives nor negatives."""
    z = F.normalize(style - style.mean(0), dim=1)
    sim = z @ z.T / temperature
    same = ids[:, None] == ids[None, :]
    me = torch.eye(len(ids), dtype=torch.bool)
    y = torch.nan_to_num(y)
    near = ((y[:, None] - y[None]) ** 2).mean(2).sqrt() < 0.05
    sim = sim.masked_fill(me | (near & ~same), -1e9)
    log_p = sim - torch.logsumexp(sim, 1, keepdim=True)
    positive = same & ~me
    has = positive.any(1)
    loss = -(log_p * positive).sum(1)[has] / positive.sum(1)[has]
    return loss.mean() if has.any() else sim.sum() * 0


def same_words(style, ids, temperature=0.1):
    """The triplet test as a loss. Batches come in fours: two texts in one style, the
    same two in another; the other text of a style shall be nearer than the same
    text in the other style."""
    z = F.normalize(style - style.mean(0), dim=1).view(-1, 4, style.shape[1])
    a, b, c, d = z.unbind(1)
    texts = (a * b).sum(1), (c * d).sum(1)
    styles = (a * c).sum(1), (b * d).sum(1)
    ok = ids.view(-1, 4)[:, 0] == ids.view(-1, 4)[:, 1]  # not one text only
    loss = sum(F.softplus((s - t) / temperature) for t in texts for s in styles) / 4
    return (loss * ok).sum() / ok.sum().clamp(min=1)


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
    """Linear read-outs of F0, voicing, syllables and level along time from the third to
    the last convolution; they teach the convolutions and are thrown away."""

    WIDTHS = (64 * 10, 64 * 5, 128 * 3, 128 * 2)

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, 6) for width in self.WIDTHS)

    def forward(self, stages, targets):
        total = 0.0
        for k, (head, stage, target) in enumerate(zip(self.heads, stages[2:], targets)):
            guess = head(stage.transpose(1, 2).flatten(2))
            # tone, voiced, syllables, active, level, spread, each about one wide
            shift = torch.tensor([0.0, 0.0, 0.0, 0.0, -28.0, 0.0])
            scale = torch.tensor([0.75, 0.5, 0.5 * 2 ** (0.5 * k), 0.5, 12.0, 0.15])
            target = (target - shift) / scale
            ok = torch.isfinite(target)
            off = F.smooth_l1_loss(guess, torch.nan_to_num(target), reduction="none", beta=0.3)
            off = (off * ok).sum((0, 1)) / ok.sum((0, 1)).clamp(min=1)
            total = total + (off * torch.tensor([2.0, 0.5, 3.0, 0.3, 1.0, 0.7])).sum()
        return total / 2


class Batches:
    """Batches of features, each used `echo` times: making one costs more than
    learning from it. A repeat comes later and at another level. A second process
    makes them; which batch comes when depends on the seed alone."""

    def __init__(self, maker, groups, echo, seed, mean, std, aux_mean, aux_std):
        self.maker, self.groups, self.echo = maker, groups, echo
        self.stats = mean, std, aux_mean, aux_std
        self.rng = np.random.default_rng(seed)
        self.kept = []  # [batch, remaining uses]
        self.seconds = 0.0
        fork = multiprocessing.get_context("fork")
        self.queue = fork.Queue(6)
        fork.Process(target=self._work, daemon=True).start()

    def _work(self):
        parent = os.getppid()
        os.nice(5)
        while os.getppid() == parent:
            x, *rest = self.maker.batch(self.groups)
            self.queue.put([features(torch.from_numpy(x)).numpy(), *rest], timeout=3600)

    def _make(self):
        began = time.time()
        mean, std, aux_mean, aux_std = self.stats
        x, y, aux, ids, local = self.queue.get()
        y = (torch.from_numpy(labels.to_model(y)) - mean) / std
        aux = (torch.from_numpy(aux) - aux_mean) / aux_std
        batch = torch.from_numpy(x), y, aux, torch.from_numpy(ids), \
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
        y[:, dev.LEVEL] += gain / self.stats[1][dev.LEVEL]
        local = [v + gain[:, None, None] * torch.tensor([0.0, 0, 0, 0, 1, 0]) for v in local]
        return (x + gain[:, None, None] / 20).clamp(min=FLOOR), y, aux, ids, local


def freeze_norms(model, maker, batches=60):
    """Fix the statistics of batch normalisation to the mean over many batches, and
    train on exactly as the model will be used. (Statistics of the last few batches
    cost up to 0.3 of R2.)"""
    norms = model.encoder.bns
    norms.eval()
    norms.train = lambda mode=True: norms  # stay so
    if not batches:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
        nn.Module.train(norm)
    with torch.no_grad():
        for _ in range(batches):
            model(features(torch.from_numpy(maker.batch(8)[0])))
    for norm in norms:
        norm.eval()


class Average:
    """Running mean of the weights over the last few hundred steps."""

    def __init__(self, model, decay=0.996):
        self.model, self.decay = model, decay
        self.now = list(model.parameters())
        self.mean = [p.detach().clone() for p in self.now]
        self.steps = 0

    def update(self):
        self.steps += 1
        keep = min(self.decay, self.steps / (self.steps + 9))
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, [p.detach() for p in self.now], 1 - keep)

    def copy(self):
        """A model with the mean weights, for use."""
        out = Model()
        out.load_state_dict(self.model.state_dict())
        with torch.no_grad():
            for p, mean in zip(out.parameters(), self.mean):
                p.copy_(mean)
        return out.eval()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--steps", type=int, default=5500)
    parser.add_argument("--groups", type=int, default=14, help="four clips each")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contrast", type=float, default=0.3)
    parser.add_argument("--triplet", type=float, default=0.2)
    parser.add_argument("--aux", type=float, default=0.3)
    parser.add_argument("--local", type=float, default=0.1)
    parser.add_argument("--rank", type=float, default=0.03)
    parser.add_argument("--labels", default=LABEL_WEIGHTS, help="weights of the label losses")
    parser.add_argument("--clean", type=float, default=0.3,
                        help="share of the groups left as they were spoken")
    parser.add_argument("--near", type=float, default=0.4,
                        help="share of the groups of the split `near`")
    parser.add_argument("--moved", type=float, default=0.0,
                        help="share of the other groups whose two styles differ in level or tilt alone")
    parser.add_argument("--edges", type=float, default=0.0,
                        help="share of the clips with silence before and after the speech")
    parser.add_argument("--echo", type=int, default=2, help="uses of every batch")
    parser.add_argument("--stop", type=int, help="end after this many of the steps")
    parser.add_argument("--freeze-norms", action="store_true")
    parser.add_argument("--keep-norms", action="store_true", help="those of --init, fixed")
    parser.add_argument("--init", help="start from this checkpoint")
    args = parser.parse_args()
    args.labels = torch.tensor([float(v) for v in args.labels.split(",")])
    return args


def learning_rate(steps, warm=150):
    """Share of the full rate at a step: up in a line, down in half a cosine."""
    def share(step):
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) + 1e-3
    return share


def shown(maker, batches=60):
    """Means and deviations of the labels and further targets over some batches:
    (mean, std, aux_mean, aux_std)."""
    seen = [maker.batch(4)[1:3] for _ in range(batches)]
    y = labels.to_model(np.concatenate([s[0] for s in seen]))
    aux = np.concatenate([s[1] for s in seen])
    return [torch.tensor(f(v, axis=0)) for v in (y, aux) for f in (np.nanmean, np.nanstd)]


def style_losses(model, heads, reference, batch, args):
    """(the loss, its parts before weighting by name) of what follows the encoder; `batch`
    as Batches gives it, without features and targets along time."""
    y, aux, ids = batch
    style, weights = model.stl(reference)
    mask, aux_mask = torch.isfinite(y), torch.isfinite(aux)
    per_label = masked_mean(huber(model.prosody(style), torch.nan_to_num(y)), mask)
    further = F.smooth_l1_loss(heads["aux"](style), torch.nan_to_num(aux), reduction="none")
    parts = {"label": (per_label * args.labels).sum() / args.labels.sum(),
             "contrast": contrastive(style, ids, y), "words": same_words(style, ids),
             "usage": usage_loss(weights), "aux": masked_mean(further, aux_mask).mean(),
             "rank": rank_loss(style)}
    shares = {"label": 1.5, "contrast": args.contrast, "words": args.triplet, "usage": 0.3,
              "aux": args.aux, "rank": args.rank}
    return sum(shares[k] * v for k, v in parts.items()), parts


def losses(model, heads, batch, args):
    """(the loss, its parts by name) of a batch."""
    x, *rest, local = batch
    stages = []
    loss, parts = style_losses(model, heads, model.encoder(x, stages), rest, args)
    parts["local"] = heads["local"](stages, local)
    return loss + args.local * parts["local"], parts


def new_heads():
    """What is trained along and thrown away."""
    return nn.ModuleDict({"aux": nn.Linear(256, AUX), "local": LocalHeads()})


def training_data(work, seed, *shares):
    """The augmenter of the training splits of a work folder."""
    near = os.path.exists(os.path.join(work, "near.jsonl"))
    data = corpus.load_several(work, ["train", "near"] if near else ["train"])
    return augment.Augmenter(augment.Corpus(*data), seed, *shares)


def main():
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    maker = training_data(args.work, args.seed, args.clean, args.near, args.moved, args.edges)
    model, heads = Model(), new_heads()
    if args.init:
        saved = torch.load(args.init)
        model.load_state_dict(saved["model"])
        heads.load_state_dict(saved["heads"])
        stats = saved["stats"]
    else:
        stats = shown(maker)
    log("means", np.round(stats[0].numpy(), 2), "deviations", np.round(stats[1].numpy(), 2))
    if args.freeze_norms or args.keep_norms:
        freeze_norms(model, maker, 0 if args.keep_norms else 60)
    params = list(model.parameters()) + list(heads.parameters())
    optimiser = torch.optim.AdamW(params, lr=args.rate, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.LambdaLR(optimiser, learning_rate(args.steps))
    average = Average(model)
    batches = Batches(maker, args.groups, args.echo, args.seed, *stats)
    began, recent = time.time(), []
    for step in range(1, (args.stop or args.steps) + 1):
        loss, parts = losses(model, heads, batches.next(), args)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 2.0)
        optimiser.step()
        plan.step()
        average.update()
        recent = recent[-99:] + [[v.item() for v in parts.values()]]
        if step % 100 == 0:
            spent = time.time() - began
            log("step %d/%d, %.0f s left, waited %.0f%%;" % (
                step, args.steps, spent / step * (args.steps - step),
                100 * batches.seconds / spent),
                " ".join("%s %.3f" % pair for pair in zip(parts, np.mean(recent, 0))))
        last = step in (args.steps, args.stop)
        if last or step % 400 == 0:
            smooth = average.copy()
            if last or step % 1600 == 0:
                log(dev.figures(smooth, args.work, *stats[:2]))
            torch.save({"model": smooth.state_dict(), "heads": heads.state_dict(),
                        "stats": stats, "step": step, "args": vars(args)}, args.output)


if __name__ == "__main__":
    main()
