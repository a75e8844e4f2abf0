"""Print the evaluation table.

    python3 evaluate.py WORK_DIR                # the shipped weights through the C program
    python3 evaluate.py WORK_DIR --model OUT_DIR/weights.safetensors --backend torch

The first form runs `build/stylet extract -m models/default -w style,token_weights,prosody
FILES...` and reads its JSON lines. Splits come from corpus.py, human prompts from human.py.
"""
import argparse
import json
import os
import subprocess
import sys

import numpy as np

import corpus
import engines
import labels

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAIN = ["f0_hz", "f0_range_st", "level_dbfs", "rate_syl_s"]


# ---------------------------------------------------------------- the model


def run_torch(weights, paths):
    import torch
    import export
    from frontend import features
    torch.set_num_threads(1)
    model = export.load_model(weights)
    out = {}
    for path in paths:
        x, _ = engines.read_wav(path)
        with torch.no_grad():
            _, style, token_weights, prosody = model(features(torch.from_numpy(x))[None])
        out[path] = (style[0].numpy(), token_weights[0].numpy(), export.inverse(prosody[0].numpy()))
    return out


def run_stylet(program, model, paths):
    out = {}
    for i in range(0, len(paths), 200):
        run = subprocess.run([program, "extract", "-m", model, "-w", "style,token_weights,prosody"]
                             + paths[i:i + 200], capture_output=True, text=True)
        for line in run.stdout.splitlines():
            r = json.loads(line)
            if r.get("status", "ok") != "ok":
                print("failed:", r["path"], r.get("error"), file=sys.stderr)
                continue
            out[r["path"]] = (np.array(r["style"], np.float32), np.array(r["token_weights"]),
                              np.array([r["prosody"][n] for n in labels.NAMES], np.float32))
        if run.returncode not in (0, 1):
            raise SystemExit(run.stderr)
    return out


# ---------------------------------------------------------------- the sets


def wav_files(work, name):
    """The clips of a split as wav files: (paths, labels, rows)."""
    audio, arrays, rows = corpus.load(work, name)
    folder = os.path.join(work, "wav-" + name)
    os.makedirs(folder, exist_ok=True)
    paths = []
    for i in range(len(rows)):
        path = os.path.join(folder, "%04d.wav" % i)
        if not os.path.exists(path):
            x = audio[arrays["offset"][i]:arrays["offset"][i + 1]]
            engines.write_wav(path, x.astype(np.float32) / 32768)
        paths.append(path)
    return paths, corpus.measured(audio, arrays), rows


def fit(true, guess):
    """(R2, r, root mean square error)."""
    ok = np.isfinite(true) & np.isfinite(guess)
    t, g = true[ok].astype(float), guess[ok].astype(float)
    r2 = 1 - ((t - g) ** 2).sum() / ((t - t.mean()) ** 2).sum()
    return r2, np.corrcoef(t, g)[0, 1], np.sqrt(((t - g) ** 2).mean())


def rows_r2(true, guess):
    true, guess = labels.to_model(true), labels.to_model(guess)
    return {n: [round(float(v), 3) for v in fit(true[:, i], guess[:, i])]
            for i, n in enumerate(labels.NAMES)}


def effective_rank(style):
    """(of the covariance's eigenvalues, of the singular values), exp of entropy."""
    values = np.linalg.svd(style - style.mean(0), compute_uv=False)
    out = []
    for v in (values ** 2, values):
        p = v / v.sum()
        out.append(float(np.exp(-(p * np.log(p + 1e-12)).sum())))
    return out


def triplets(rows, paths, got, centre):
    """Share of groups where the same style with another text is nearer than the same
    text with another style; by cosine of the centred vectors and by distance."""
    groups = {}
    for row, path in zip(rows, paths):
        groups.setdefault(row["group"], {"change": row["change"]})[row["role"]] = got[path][0]
    out = {}
    for size in ("large", "small"):
        results = {}
        for g in groups.values():
            if not {"anchor", "positive", size} <= set(g):
                continue
            a, p, n = (g[k] - centre for k in ("anchor", "positive", size))
            cos = [x @ a / np.linalg.norm(x) / np.linalg.norm(a) for x in (p, n)]
            far = [np.linalg.norm(x - a) for x in (p, n)]
            results.setdefault(g["change"], []).append((cos[0] > cos[1], far[0] < far[1]))
        every = np.array(sum(results.values(), []))
        out[size] = {"cosine": float(every[:, 0].mean()), "distance": float(every[:, 1].mean()),
                     "by_change": {k: float(np.mean([v[0] for v in r]))
                                   for k, r in results.items()}}
    return out


def human_figures(rows, got):
    plain = [r for r in rows if r["kind"] == "plain" and r["path"] in got]
    out = {"f0": {}}
    groups = {"all, 1.5 s and longer": lambda r: r["seconds"] >= 1.5,
              "all, 1.0 to 1.5 s": lambda r: r["seconds"] < 1.5,
              "all": lambda r: True}
    for language in sorted({r["language"] for r in plain}):
        groups[language] = lambda r, language=language: (
            r["language"] == language and r["seconds"] >= 1.5)
    for name, keep in groups.items():
        chosen = [r for r in plain if keep(r)]
        if len(chosen) < 3:
            continue
        true = np.log2([r["f0"] for r in chosen])
        guess = np.log2([got[r["path"]][2][0] for r in chosen])
        spread = fit(np.array([r["range"] for r in chosen]),
                     np.array([got[r["path"]][2][1] for r in chosen]))
        out["f0"][name] = {"clips": len(chosen), "r2": fit(true, guess)[0],
                           "r": fit(true, guess)[1], "rmse_octaves": fit(true, guess)[2],
                           "median_hz": float(2 ** np.median(true)),
                           "bias_octaves": float((guess - true).mean()),
                           "over_half_octave": float((np.abs(guess - true) > 0.5).mean()),
                           "range_r": spread[1]}
    what = {"pitch_up": (0, 3 / 12), "pitch_down": (0, -3 / 12), "quiet": (2, -20.0),
            "tempo_fast": (4, np.log2(1.25)), "tempo_slow": (4, np.log2(0.8))}
    out["response"] = {}
    for kind, (index, amount) in what.items():
        change = []
        for r in rows:
            if r["kind"] == kind and r["path"] in got and r["of"] in got:
                pair = labels.to_model(np.stack([got[r["of"]][2], got[r["path"]][2]]))
                change.append((pair[1] - pair[0])[index] / amount)
        out["response"][kind] = {"clips": len(change), "share": float(np.mean(change)),
                                 "median": float(np.median(change)),
                                 "right_sign": float((np.array(change) > 0).mean())}
    chosen = [r for r in plain if r["seconds"] >= 1.5]
    style = np.stack([got[r["path"]][0] for r in chosen])
    weights = np.stack([got[r["path"]][1] for r in chosen])
    usage = weights.mean((0, 1))
    out["tokens"] = {"usage": usage.tolist(), "dead": int((usage < 0.01).sum()),
                     "entropy": float(-(usage * np.log(usage)).sum() / np.log(len(usage))),
                     "rank": effective_rank(style)[0], "rank_singular": effective_rank(style)[1]}
    return out


def describe_tokens(weights, prosody):
    """Correlation of every token's mean weight with every label."""
    w = weights.mean(1)
    y = labels.to_model(prosody)
    return [{n: round(float(np.corrcoef(w[:, k], y[:, i])[0, 1]), 2)
             for i, n in enumerate(labels.NAMES)} for k in range(w.shape[1])]


# ---------------------------------------------------------------- the tracker


def check_tracker(work):
    """Our F0 against praat's on the clips of `voices` and `engine`."""
    import human
    import pitch
    ours, theirs = [], []
    for name in ("voices", "engine"):
        paths = wav_files(work, name)[0]
        for path in paths[::4]:
            x, _ = engines.read_wav(path)
            f0, praat = pitch.track(x)[0], human.praat_f0(x)
            if (f0 > 0).sum() > 30 and len(praat) > 30:
                ours.append([np.median(f0[f0 > 0]), np.percentile(f0[f0 > 0], 10)])
                theirs.append([np.median(praat), np.percentile(praat, 10)])
    ours, theirs = np.log2(ours), np.log2(theirs)
    off = np.abs(ours - theirs)[:, 0]
    return {"clips": len(off), "median_error_octaves": float(np.median(off)),
            "over_a_semitone": float((off > 1 / 12).mean()),
            "r2": fit(theirs[:, 0], ours[:, 0])[0]}


# ---------------------------------------------------------------- printing


def numbers(figures, names=MAIN):
    return " ".join(("%.2f" % figures[n][0]).replace("0.", ".") for n in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work")
    parser.add_argument("--model", default=os.path.join(ROOT, "models", "default"))
    parser.add_argument("--backend", default=os.path.join(ROOT, "build", "stylet"),
                        help="the stylet program (build/stylet), or torch")
    parser.add_argument("--json", help="write every figure to this file")
    parser.add_argument("--no-human", action="store_true")
    args = parser.parse_args()

    sets = {n: wav_files(args.work, n) for n in ("texts", "voices", "engine", "triplets")}
    paths = [p for s in sets.values() for p in s[0]]
    human_rows = []
    if not args.no_human:
        import human
        human_rows = human.prepare(args.work)
        paths += [r["path"] for r in human_rows]
    print("%d clips" % len(paths), file=sys.stderr)
    got = run_torch(args.model, paths) if args.backend == "torch" \
        else run_stylet(args.backend, args.model, paths)

    result = {}
    for name in ("texts", "voices", "engine"):
        p, true, rows = sets[name]
        guess = np.stack([got[q][2] for q in p])
        result[name] = rows_r2(true, guess)
        if name == "engine":
            result["engine_by_voice"] = {}
            for voice in corpus.FESTIVAL:
                keep = np.array([r["voice"] == voice for r in rows])
                if keep.any():
                    result["engine_by_voice"][voice] = rows_r2(true[keep], guess[keep])
    centre = np.mean([got[q][0] for n in ("texts", "voices") for q in sets[n][0]], axis=0)
    result["triplets"] = triplets(sets["triplets"][2], sets["triplets"][0], got, centre)
    both = sets["texts"][0] + sets["voices"][0]
    result["token_correlations"] = describe_tokens(
        np.stack([got[q][1] for q in both]), np.stack([got[q][2] for q in both]))
    if human_rows:
        result["human"] = human_figures(human_rows, got)
        result["tracker_against_praat"] = check_tracker(args.work)

    table(result)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


def table(result):
    print("| figure | measured | prototype | bar |\n|---|---|---|---|")

    def line(name, value, prototype, bar):
        print("| %s | %s | %s | %s |" % (name, value, prototype, bar))

    line("R2 on unseen texts (log2 F0, range st, level dB, log2 rate)",
         numbers(result["texts"]), ".91 .69 .94 .89", ".95 .80 .95 .92")
    line("R2 on unseen espeak voices", numbers(result["voices"]), ".99 .66 .89 .76",
         ".99 .75 .93 .85")
    line("R2 on festival, never trained on", numbers(result["engine"]),
         ".99 .30-.81 .70-.92 .32-.79", ".98 .70 .90 .70")
    if "human" in result:
        h = result["human"]
        for name in ("all, 1.5 s and longer", "all, 1.0 to 1.5 s", "all"):
            f = h["f0"].get(name)
            if f:
                line("human log2 F0 against praat, %s (%d clips): R2 / r" % (name, f["clips"]),
                     "%.2f / %.2f" % (f["r2"], f["r"]), ".79 / .90", ".90 / .96")
        for kind, f in h["response"].items():
            old = {"p": ".84-1.0", "t": ".8", "q": ".9"}[kind[0]]
            line("human response, %s: share; right sign" % kind,
                 "%.2f; %.0f %%" % (f["share"], 100 * f["right_sign"]), old, ".9-1.1; 99 %")
    t = result["triplets"]
    line("same style and other text nearer, large / small changes (centred cosine)",
         "%.2f / %.2f" % (t["large"]["cosine"], t["small"]["cosine"]), ".93 / .73", ".97 / .85")
    line("the same by Euclidean distance",
         "%.2f / %.2f" % (t["large"]["distance"], t["small"]["distance"]), "", "")
    if "human" in result:
        k = result["human"]["tokens"]
        line("tokens on human speech: dead; usage entropy; effective rank (eigenvalues, "
             "singular values)", "%d; %.3f; %.1f, %.1f" % (
                 k["dead"], k["entropy"], k["rank"], k["rank_singular"]),
             "0; .96; 6", "0; > .95; > 12")
    print("\nAll eight labels, R2 / r / RMSE (F0 and rate in octaves):\n")
    print("| set | " + " | ".join(labels.NAMES) + " |\n" + "|---" * 9 + "|")
    sets = [(n, result[n]) for n in ("texts", "voices", "engine")]
    sets += [("festival " + v, f) for v, f in result["engine_by_voice"].items()]
    for name, figures in sets:
        print("| %s | " % name + " | ".join("%.2f / %.2f / %.2f" % tuple(figures[n])
                                            for n in labels.NAMES) + " |")
    if "human" in result:
        print("\n| human prompts | clips | median Hz | R2 | r | RMSE octaves | bias | > 1/2 octave"
              " | r of range |\n|---|---|---|---|---|---|---|---|---|")
        for name, f in result["human"]["f0"].items():
            print("| %s | %d | %.0f | %.2f | %.2f | %.3f | %+.3f | %.3f | %.2f |" % (
                name, f["clips"], f["median_hz"], f["r2"], f["r"], f["rmse_octaves"],
                f["bias_octaves"], f["over_half_octave"], f["range_r"]))
        print("\ntracker against praat:", json.dumps(result["tracker_against_praat"]))
    print("\ntriplets by change:", json.dumps({s: t[s]["by_change"] for s in t}))
    print("\n| token | correlation of its mean weight with each label |\n|---|---|")
    for k, row in enumerate(result["token_correlations"]):
        best = sorted(row.items(), key=lambda v: -abs(v[1]))[:3]
        print("| %d | %s |" % (k, ", ".join("%s %+.2f" % b for b in best)))


if __name__ == "__main__":
    main()
