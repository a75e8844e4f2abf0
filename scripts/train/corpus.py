"""Build the corpus and the evaluation sets: `python3 corpus.py WORK_DIR`.

Every split is fixed here, before any training:

    train     espeak-ng (training variants and made-up voices), flite, and both
              resynthesised by WORLD
    near      training voices in styles that differ in one property only: the
              hard negatives of training
    dev       other espeak-ng variants, plain and resynthesised: choosing a model
    dev_triplets  as `triplets`, voices of `dev`
    texts     styles of `train`, sentences never spoken in it
    voices    espeak-ng variants never heard in training or dev
    engine    festival, which trains nothing
    triplets  voices of `voices`: a style, the same with another text, and the
              same text in a changed style (large and small changes)

A split is NAME.npz (tracks, offsets), NAME.audio.npy (16-bit samples) and
NAME.jsonl (one line of description per clip).
"""
import argparse
import json
import multiprocessing
import os
import sys
import time
import zlib

import numpy as np

import engines
import labels
import pitch
import resynth
import texts

FLITE = ["kal16", "awb", "rms", "slt"]
FESTIVAL = ["kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts", "lp_diphone",
            "pc_diphone", "hy_fi_mv_diphone", "suo_fi_lj_diphone", "upc_ca_ona_hts",
            "msu_ru_nsh_clunits", "czech_krb"]
FESTIVAL_LANGUAGE = {"lp": "it", "pc": "it", "hy": "fi", "suo": "fi", "msu": "ru"}
HELD_OUT = ["Andrea", "Gene", "Lee", "Michael", "adam", "belinda", "david", "edward",
            "f2", "f5", "grandma", "klatt4", "m2", "m7", "steph2", "zac"]
DEV = ["Alicia", "Denis", "Mike", "boris", "f4", "john", "klatt2", "linda", "m5", "max"]
MADE_UP = 140


def log(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def made_up_voice(rng, name):
    """A random espeak-ng voice variant file."""
    low = 2.0 ** rng.uniform(np.log2(58), np.log2(260))
    high = low * 2.0 ** rng.uniform(0.15, 1.3)
    size = np.clip((low / 110) ** 0.18 * 2.0 ** rng.uniform(-0.15, 0.15), 0.8, 1.32) * 100
    lines = ["language variant", "name " + name, "gender male",
             "pitch %d %d" % (low, min(high, 480))]
    for k in range(9):
        lines.append("formant %d %d %d %d" % (k, size * rng.uniform(0.95, 1.05),
                                              rng.uniform(60, 150), rng.uniform(70, 160)))
    if rng.random() < 0.5:
        lines.append("roughness %d" % rng.integers(0, 7))
    if rng.random() < 0.5:
        lines.append("flutter %d" % rng.integers(0, 14))
    if rng.random() < 0.35:
        lines.append("breath " + " ".join(str(v) for v in rng.integers(0, 6, 8)))
        lines.append("voicing %d" % rng.integers(40, 100))
    if rng.random() < 0.2:
        lines.append("klatt %d" % rng.integers(1, 6))
    if rng.random() < 0.3:
        lines.append("tone 600 %d 1200 %d 2000 %d 3000 %d" % tuple(rng.integers(20, 256, 4)))
    if rng.random() < 0.4:
        lines.append("stressAmp " + " ".join(str(v) for v in rng.integers(8, 24, 8)))
    lines.append("consonants %d %d" % (rng.integers(60, 130), rng.integers(60, 130)))
    return "\n".join(lines) + "\n"


class Writer:
    """Collects the clips of one split and saves them."""

    def __init__(self, folder, name):
        self.base = os.path.join(folder, name)
        self.clips, self.rows = [], []

    def add(self, x, nuclei, level=None, **row):
        """Keep a clip at -23 dB (or `level`) if it is long enough; True if kept."""
        x = np.asarray(x, np.float32)
        if len(x) < 0.9 * engines.RATE or np.abs(x).max() < 1e-3:
            return False
        x = x[:int(7.0 * engines.RATE)]
        rms, active = labels.frame_levels(x)
        now = 10 * np.log10((10 ** (rms[active] / 10)).mean())
        gain = 10 ** (((-23.0 if level is None else level) - now) / 20)
        gain = min(gain, 0.99 / np.abs(x).max())
        samples = np.round(x * gain * 32768).astype(np.int16)
        nuclei = None if nuclei is None else nuclei[nuclei < len(x) / engines.RATE]
        samples_float = samples / np.float32(32768)
        f0, hnr = pitch.track(samples_float)
        if nuclei is None:
            nuclei = labels.detect_nuclei(samples_float, f0)
        self.clips.append((samples, f0, hnr, nuclei))
        self.rows.append(row)
        if len(self.rows) % 200 == 0:
            log(os.path.basename(self.base), len(self.rows), "clips")
        return True

    def save(self):
        if not self.clips:
            raise SystemExit("no usable clip for " + self.base)
        parts = list(zip(*self.clips))

        def ends(arrays):
            return np.concatenate([[0], np.cumsum([len(a) for a in arrays])]).astype(np.int64)

        np.save(self.base + ".audio.npy", np.concatenate(parts[0]))
        np.savez(self.base + ".npz", offset=ends(parts[0]), frame=ends(parts[1]),
                 nucleus=ends(parts[3]), f0=np.concatenate(parts[1]),
                 hnr=np.concatenate(parts[2]), nuclei=np.concatenate(parts[3]))
        with open(self.base + ".jsonl", "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")
        seconds = sum(len(p) for p in parts[0]) / engines.RATE
        log(os.path.basename(self.base), "done:", len(self.rows), "clips, %.0f s" % seconds)


def load(folder, name):
    """(audio, arrays, rows) of a saved split."""
    base = os.path.join(folder, name)
    with open(base + ".jsonl") as f:
        rows = [json.loads(line) for line in f]
    audio, arrays = np.load(base + ".audio.npy", mmap_mode="r"), dict(np.load(base + ".npz"))
    return audio, arrays, rows


def load_several(folder, names):
    """As `load`, of several splits one after another; in memory."""
    parts = [load(folder, n) for n in names]
    arrays = {}
    for ends, rows in (("offset", ()), ("frame", ("f0", "hnr")), ("nucleus", ("nuclei",))):
        lists = [p[1][ends] for p in parts]
        base = np.cumsum([0] + [v[-1] for v in lists])
        arrays[ends] = np.concatenate([v[k > 0:] + base[k] for k, v in enumerate(lists)])
        for row in rows:
            arrays[row] = np.concatenate([p[1][row] for p in parts])
    return np.concatenate([p[0] for p in parts]), arrays, sum((p[2] for p in parts), [])


def measured(audio, arrays):
    """The labels of every clip of a split, from its audio and tracks."""
    out = []
    for i in range(len(arrays["offset"]) - 1):
        x, f, k = (slice(arrays[n][i], arrays[n][i + 1]) for n in ("offset", "frame", "nucleus"))
        out.append(labels.summarise(audio[x] / np.float32(32768), arrays["f0"][f],
                                    arrays["hnr"][f], arrays["nuclei"][k]))
    return np.stack(out)


def espeak_style(rng):
    return {"rate": int(2.0 ** rng.uniform(np.log2(95), np.log2(330))),
            "pitch": int(rng.integers(5, 96)), "range": int(rng.integers(0, 100)),
            "volume": 100}


def flite_style(rng):
    native = {"kal16": 105, "awb": 125, "rms": 105, "slt": 165}
    voice = FLITE[rng.integers(4)]
    return {"voice": voice, "stretch": float(2.0 ** rng.uniform(-0.6, 0.6)),
            "pitch_mean": float(native[voice] * 2.0 ** rng.uniform(-0.55, 0.6)),
            "pitch_std": float(rng.uniform(3, 50))}


def speak(es, spec, text):
    """(samples, nuclei) of a style specification, or None."""
    if spec["engine"] == "espeak":
        return es.speak(text, spec["voice"], **spec["params"])
    p = spec["params"]
    return engines.flite(text, p["voice"], p["pitch_mean"], p["pitch_std"], p["stretch"])


def seeded(*words):
    """A generator that depends only on the words (not on how much was drawn before)."""
    return np.random.default_rng(zlib.crc32(" ".join(map(str, words)).encode()))


def style_list(prefix, count, variants, flite_count=0):
    """Style specifications of plain synthesis."""
    specs = []
    for i in range(count):
        rng = seeded(prefix, "espeak", i)
        language = texts.draw_language(rng)
        variant = variants[rng.integers(len(variants))]
        specs.append({"engine": "espeak", "language": language, "params": espeak_style(rng),
                      "voice": language + "+" + variant, "style": "%s-e%d" % (prefix, i)})
    for i in range(flite_count):
        rng = seeded(prefix, "flite", i)
        specs.append({"engine": "flite", "language": "en", "params": flite_style(rng),
                      "style": "%s-f%d" % (prefix, i)})
    return specs


def build_styles(writer, es, specs, text_count, world, held_out=False, levels=False):
    """Speak every style with `text_count` texts, and resynthesise: `world` maps
    an engine to its number of WORLD styles per style."""
    for spec in specs:
        rng = seeded(spec["style"], "texts", held_out)
        voice = spec.get("voice") or spec["params"]["voice"]
        spoken = []
        for k in range(text_count):
            text = texts.draw(rng, spec["language"], held_out)
            got = speak(es, spec, text)
            level = rng.uniform(-33, -13) if levels else None
            if got is None or not writer.add(
                    got[0], got[1], level, style=spec["style"], base=spec["style"], text=k,
                    engine=spec["engine"], voice=voice):
                continue
            spoken.append((k, got))
        turns = world.get(spec["engine"], 0)
        turns = int(turns) + (rng.random() < turns % 1)
        if not turns:
            continue
        analysed = []
        for k, (x, nuclei) in spoken:
            f0, _ = pitch.track(x)
            if (f0 > 0).sum() > 30:
                analysed.append((k, resynth.analyse(x, f0), nuclei))
        for turn in range(turns):
            settings = resynth.draw_style(rng)
            for k, params, nuclei in analysed:
                got = resynth.resynthesise(rng, params, nuclei, settings)
                if got is not None:
                    writer.add(got[0], got[1], style="%s-w%d" % (spec["style"], turn),
                               base=spec["style"], text=k, engine=spec["engine"] + "+world",
                               voice=voice)


def build_engine(writer):
    """Festival: ten voices, several styles each, held-out English sentences
    (and the voice's own language where festival can read it)."""
    for voice in FESTIVAL:
        language = FESTIVAL_LANGUAGE.get(voice.split("_")[0], "en")
        encoding = "utf-8" if language == "ru" else "latin-1"
        for s in range(6):
            rng = seeded("festival", voice, s)
            stretch = float(2.0 ** rng.uniform(-0.5, 0.5))
            pitch_set = None
            if voice in ("kal_diphone", "ked_diphone"):
                pitch_set = (rng.uniform(80, 150), rng.uniform(5, 35))
            items = [texts.draw(rng, language, True) for _ in range(4)]
            for k, x, nuclei in engines.festival(items, voice, stretch, pitch_set,
                                                   encoding):
                writer.add(x, nuclei, rng.uniform(-33, -13), style="%s-%d" % (voice, s),
                           base="%s-%d" % (voice, s), text=k, engine="festival", voice=voice)


# the changes of the triplets: (large, small)
CHANGES = {"pitch": (28, 9), "rate": (1.6, 1.2), "range": (45, 16), "level": (12, 4),
           "tilt": (6, 2)}


def tilted(x, slope):
    """The clip with its spectrum tilted by `slope` dB per octave around 800 Hz."""
    spec = np.fft.rfft(x)
    hz = np.fft.rfftfreq(len(x), 1 / engines.RATE)
    gain = slope * np.log2(np.clip(hz, 100, 6000) / 800)
    return np.fft.irfft(spec * 10 ** (gain / 20), len(x)).astype(np.float32)


def build_triplets(writer, es, voices, name="triplet", held_out=True, count=200):
    """`count` groups of anchor, positive, and one large and one small negative."""
    kinds = list(CHANGES)
    for i in range(count):
        rng = seeded(name, i)
        language = texts.draw_language(rng)
        voice = language + "+" + voices[rng.integers(len(voices))]
        kind = kinds[i % len(kinds)]
        params = {"rate": int(rng.uniform(130, 220)), "pitch": int(rng.integers(35, 66)),
                  "range": int(rng.integers(47, 53)), "volume": 100}
        level, sign = rng.uniform(-29, -19), rng.choice([-1, 1])
        text_a, text_b = (texts.draw(rng, language, held_out) for _ in range(2))
        for role, text, step in (("anchor", text_a, None), ("positive", text_b, None),
                                 ("large", text_a, 0), ("small", text_a, 1)):
            p, this_level = dict(params), level
            amount = CHANGES[kind][step] if step is not None else 0
            if amount and kind in ("pitch", "range"):
                p[kind] = int(np.clip(p[kind] + sign * amount, 0, 99))
            if amount and kind == "rate":
                p["rate"] = int(p["rate"] * amount ** sign)
            if amount and kind == "level":
                this_level += sign * amount
            got = es.speak(text, voice, **p)
            x = got[0]
            if amount and kind == "tilt":
                x = tilted(x, sign * amount)
            writer.add(x, got[1], this_level, style="t%d" % i, base="t%d" % i, text=role,
                       engine="espeak", voice=voice, group=i, role=role, change=kind)


def one_changed(rng, params):
    """Copies of a style with one property moved a little or more: (name, parameters)."""
    yield "same", dict(params)
    sign = rng.choice([-1, 1], 3)
    size = 2.0 ** rng.uniform(-0.7, 1.3, 3)
    if "pitch" in params:  # espeak: steps of 0 to 99
        yield "pitch", dict(params, pitch=int(np.clip(params["pitch"] + sign[0] * 9 * size[0], 0, 99)))
        yield "rate", dict(params, rate=int(params["rate"] * 2.0 ** (sign[1] * 0.25 * size[1])))
        yield "range", dict(params, range=int(np.clip(params["range"] + sign[2] * 18 * size[2], 0, 99)))
    else:  # flite
        yield "pitch", dict(params, pitch_mean=params["pitch_mean"] * 2.0 ** (sign[0] * 0.12 * size[0]))
        yield "rate", dict(params, stretch=params["stretch"] * 2.0 ** (sign[1] * 0.25 * size[1]))
        yield "range", dict(params, pitch_std=params["pitch_std"] * 2.0 ** (sign[2] * 0.5 * size[2]))


def build_near(writer, es, variants, espeak_count, flite_count, text_count=3):
    """Styles of training voices with one of pitch, rate and range changed."""
    for spec in style_list("near", espeak_count, variants, flite_count):
        rng = seeded(spec["style"], "near")
        if spec["engine"] == "espeak":
            spec["params"].update(rate=int(2.0 ** rng.uniform(6.8, 8.1)), pitch=int(rng.integers(15, 86)),
                                  range=int(rng.integers(20, 81)))
        items = [texts.draw(rng, spec["language"]) for _ in range(text_count)]
        for kind, params in one_changed(rng, spec["params"]):
            for k, text in enumerate(items):
                got = speak(es, dict(spec, params=params), text)
                if got is not None:
                    writer.add(got[0], got[1], style=spec["style"] + "-" + kind, base=spec["style"],
                               text=k, engine=spec["engine"],
                               voice=spec.get("voice") or params["voice"])


def read_list(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [line for line in f if line.strip()]
    except (OSError, UnicodeDecodeError) as e:
        raise SystemExit("corpus.py: cannot read the list '%s': %s" % (path, e))


def build_from_list(work, path):
    """A user's own corpus: a list of audio files, one per line, optionally a tab and
    the speaker or style. Every tenth style (file, without the column) is `dev`."""
    import subprocess
    train, dev, skipped = Writer(work, "train"), Writer(work, "dev"), 0
    lines = [line.rstrip("\n").split("\t") for line in read_list(path)]
    for i, fields in enumerate(lines):
        style = fields[1] if len(fields) > 1 and fields[1] else "file%d" % i
        run = subprocess.run(["ffmpeg", "-v", "error", "-i", fields[0], "-f", "s16le", "-ac", "1",
                              "-ar", str(engines.RATE), "-"], capture_output=True)
        x = np.frombuffer(run.stdout, "<i2").astype(np.float32) / 32768
        if run.returncode or len(x) < engines.RATE:
            reason = run.stderr.decode(errors="replace").strip().split("\n")[-1]
            log("skipped", fields[0] + ":", reason if run.returncode else "shorter than a second")
            skipped += 1
            continue
        writer = dev if zlib.crc32(style.encode()) % 10 == 0 else train
        # long files in pieces; the level of the recording is kept
        step = 5 * engines.RATE
        for k in range(0, max(1, len(x) - step // 2), step):
            piece = x[k:k + step]
            rms, active = labels.frame_levels(piece)
            level = 10 * np.log10((10 ** (rms[active] / 10)).mean())
            writer.add(piece, None, level, style=style, base=style, text="%d-%d" % (i, k),
                       engine="recording", voice=style)
    if skipped:
        log("skipped %d of %d files" % (skipped, len(lines)))
    if not train.clips:
        raise SystemExit("corpus.py: no file of '%s' could be used; a line is FILE, or FILE<tab>SPEAKER" % path)
    if not dev.clips:
        dev.clips, dev.rows = train.clips[-20:], train.rows[-20:]
        log("too few styles for a dev set: its clips are training clips")
    train.save()
    dev.save()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work")
    parser.add_argument("--data", help="train on these files instead of synthetic speech")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the training set")
    parser.add_argument("--only", help="comma list of splits")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    if args.data:
        build_from_list(args.work, args.data)
        return
    only = set(args.only.split(",")) if args.only else None
    variants = {"zz%d" % i: made_up_voice(seeded("voice", i), "zz%d" % i)
                for i in range(MADE_UP)}
    stock_dir = os.path.join(engines.espeak_data(args.work), "voices", "!v")
    stock = [v for v in sorted(os.listdir(stock_dir))
             if v not in HELD_OUT + DEV and v not in variants and " " not in v]
    train_voices = sorted(variants) + stock
    train_specs = style_list("train", int(520 * args.scale), train_voices,
                             int(140 * args.scale))
    plan = {
        "train": lambda w, es: build_styles(w, es, train_specs, 4, {"espeak": 0.75, "flite": 3}),
        "dev": lambda w, es: build_styles(w, es, style_list("dev", 70, DEV), 2, {"espeak": 1}),
        "texts": lambda w, es: build_styles(w, es, train_specs[:200] + train_specs[-60:], 2, {},
                                            held_out=True, levels=True),
        "voices": lambda w, es: build_styles(w, es, style_list("voices", 190, HELD_OUT), 2, {},
                                             held_out=True, levels=True),
        "near": lambda w, es: build_near(w, es, train_voices, int(320 * args.scale),
                                         int(100 * args.scale)),
        "dev_triplets": lambda w, es: build_triplets(w, es, DEV, "dev triplet", False),
        "triplets": lambda w, es: build_triplets(w, es, HELD_OUT),
        "engine": lambda w, es: build_engine(w),
    }

    def make(name):
        writer = Writer(args.work, name)
        plan[name](writer, engines.Espeak(args.work, variants))
        writer.save()

    for name in plan:
        if only and name not in only:
            continue
        # espeak-ng speaks a little otherwise after other speech: a process for every split
        process = multiprocessing.get_context("fork").Process(target=make, args=(name,))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit("%s failed" % name)


if __name__ == "__main__":
    main()
