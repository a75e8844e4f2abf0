"""The human evaluation clips: telephone prompts in five languages.

From the Debian packages asterisk-core-sounds-{en,es,fr,it,ru}-g722, decoded by
ffmpeg. They are evaluated on and never trained on. Praat (praat-parselmouth)
measures their F0 and makes the changed copies.
"""
import json
import os
import subprocess
import sys
import zlib

import numpy as np

import engines

LANGUAGES = ["en", "es", "fr", "it", "ru"]
RESPONSES = {"pitch_up": 3.0, "pitch_down": -3.0, "tempo_fast": 1.25, "tempo_slow": 0.8,
             "quiet": -20.0}


def prompt_files():
    """[(language, path)] of the installed prompts."""
    out = []
    for language in LANGUAGES:
        run = subprocess.run(["dpkg", "-L", "asterisk-core-sounds-%s-g722" % language],
                             capture_output=True, text=True)
        found = [p for p in run.stdout.splitlines() if p.endswith(".g722")]
        if not found:
            print("asterisk-core-sounds-%s-g722 is not installed" % language, file=sys.stderr)
        out += [(language, p) for p in sorted(found)
                if "/silence/" not in p and os.path.getsize(p) >= 8000]  # 1 s
    return out


def decode(path):
    run = subprocess.run(["ffmpeg", "-v", "error", "-f", "g722", "-i", path, "-f", "s16le",
                          "-ac", "1", "-ar", str(engines.RATE), "-"],
                         capture_output=True, check=True)
    return np.frombuffer(run.stdout, "<i2").astype(np.float32) / 32768


def praat_f0(x):
    """Voiced F0 values of a clip by praat's autocorrelation method."""
    import parselmouth
    sound = parselmouth.Sound(np.asarray(x, np.float64), engines.RATE)
    f0 = sound.to_pitch_ac(time_step=0.01, pitch_floor=60, pitch_ceiling=500) \
        .selected_array["frequency"]
    return f0[f0 > 0]


def changed(x, kind):
    """A clip with its pitch, tempo or level changed (PSOLA by praat)."""
    import parselmouth
    from parselmouth.praat import call
    amount = RESPONSES[kind]
    if kind == "quiet":
        return x * 10 ** (amount / 20)
    sound = parselmouth.Sound(np.asarray(x, np.float64), engines.RATE)
    manipulation = call(sound, "To Manipulation", 0.01, 60, 500)
    if kind.startswith("pitch"):
        tier = call(manipulation, "Extract pitch tier")
        call(tier, "Multiply frequencies", 0, sound.duration, 2 ** (amount / 12))
        call([tier, manipulation], "Replace pitch tier")
    else:
        tier = call(manipulation, "Extract duration tier")
        call(tier, "Add point", sound.duration / 2, 1 / amount)
        call([tier, manipulation], "Replace duration tier")
    out = call(manipulation, "Get resynthesis (overlap-add)")
    return np.clip(out.values[0], -1, 1)


def prepare(work, responses=150):
    """Decode once: work/human/*.wav and a list of rows, kept in rows.json."""
    folder = os.path.join(work, "human")
    index = os.path.join(folder, "rows.json")
    if os.path.exists(index):
        with open(index) as f:
            rows = json.load(f)
        for row in rows:  # the work folder may have been moved
            for key in {"path", "of"} & set(row):
                row[key] = os.path.join(folder, os.path.basename(row[key]))
        return rows
    os.makedirs(folder, exist_ok=True)
    rows, usable = [], []
    for k, (language, path) in enumerate(prompt_files()):
        wav = os.path.join(folder, "%s-%d.wav" % (language, k))
        x = engines.read_wav(wav)[0] if os.path.exists(wav) else decode(path)
        if not os.path.exists(wav):
            engines.write_wav(wav, x)
        f0 = praat_f0(x)
        if len(f0) < 30 or len(x) > 15 * engines.RATE:
            continue
        rows.append({"path": wav, "language": language, "seconds": len(x) / engines.RATE,
                     "f0": float(np.median(f0)), "kind": "plain",
                     "range": float(12 * np.log2(np.percentile(f0, 90) / np.percentile(f0, 10)))})
        if rows[-1]["seconds"] >= 1.5 and len(f0) > 60:
            usable.append(rows[-1])
    # a fixed choice of prompts for the responses
    usable.sort(key=lambda r: zlib.crc32(os.path.basename(r["path"]).encode()))
    for row in usable[:responses]:
        for kind in RESPONSES:
            path = row["path"][:-4] + "." + kind + ".wav"
            if not os.path.exists(path):
                engines.write_wav(path, changed(engines.read_wav(row["path"])[0], kind))
            rows.append({"path": path, "kind": kind, "of": row["path"],
                         "language": row["language"]})
    with open(index, "w") as f:
        json.dump(rows, f)
    return rows
