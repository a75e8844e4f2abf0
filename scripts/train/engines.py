"""The three synthesisers: text in, 16 kHz samples and times of syllable nuclei out.

espeak-ng runs inside this process through its C library (fast, and it reports
the time of every phoneme); flite and festival run as programs.
"""
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave

import numpy as np

RATE = 16000
# the letters that lib/speak/engine.c knows
VOWEL_IPA = set("aeiouyɑɐɒæəɘɚɛɜɝɞɤɨɪɔœɶøɵʉʊʌɯʏɿᵻᵿᵊε")
VOWEL_ARPA = {"aa", "ae", "ah", "ao", "aw", "ax", "axr", "ay", "eh", "er", "ey",
              "ih", "ix", "iy", "ow", "oy", "uh", "uw"}
GLIDES = {"j", "w"}  # vowels to festival's Catalan voice, but not nuclei


def resample(x, src, dst):
    """Band-limited resampling of a whole clip in the frequency domain."""
    if src == dst or len(x) == 0:
        return np.asarray(x, np.float32)
    n = len(x)
    m = int(round(n * dst / src))
    pad = 2048
    big = int(np.ceil((n + pad) / src)) * src
    spec = np.fft.rfft(x, big)
    out_len = big // src * dst
    bins = out_len // 2 + 1
    out = np.zeros(bins, complex)
    k = min(bins, len(spec))
    out[:k] = spec[:k]
    y = np.fft.irfft(out, out_len) * (out_len / big)
    return y[:m].astype(np.float32)


def read_wav(path):
    """Mono float samples in [-1, 1] and the rate of a 16-bit wav file."""
    with wave.open(str(path)) as w:
        raw = np.frombuffer(w.readframes(w.getnframes()), "<i2")
        if w.getnchannels() > 1:
            raw = raw.reshape(-1, w.getnchannels()).mean(1)
        return raw.astype(np.float32) / 32768.0, w.getframerate()


def write_wav(path, x, rate=RATE):
    """Write float samples as a 16-bit mono wav file."""
    data = np.clip(np.round(np.asarray(x) * 32768.0), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(data.tobytes())


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p),
                ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint),
                ("text_position", ctypes.c_int), ("length", ctypes.c_int),
                ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user_data", ctypes.c_void_p), ("id", _EventId)]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short),
                             ctypes.c_int, ctypes.POINTER(_Event))


ESPEAK_FILES = {"en": "gmw/en", "de": "gmw/de", "nl": "gmw/nl", "sv": "gmq/sv",
                "fr": "roa/fr", "es": "roa/es", "it": "roa/it", "pt": "roa/pt",
                "ru": "zle/ru", "pl": "zlw/pl", "fi": "urj/fi", "tr": "trk/tr"}


class Espeak:
    """espeak-ng as a library, with its data copied so that voices can be added.

    A voice is "LANGUAGE+VARIANT".
    """

    PARAMS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}

    def __init__(self, data_dir, variants):
        """`variants`: {name: text of a voice variant file} to add to the copy."""
        data = espeak_data(data_dir)
        for name, text in variants.items():
            with open(os.path.join(data, "voices", "!v", name), "w") as f:
                f.write(text)
        self.lib = ctypes.CDLL("libespeak-ng.so.1")
        # 2: synchronous retrieval; options 1|2: phoneme events, named in IPA
        self.rate = self.lib.espeak_Initialize(2, 0, data_dir.encode(), 3)
        if self.rate <= 0:
            raise RuntimeError("espeak-ng could not be initialised")
        self._samples, self._nuclei = [], []
        self._callback = _CALLBACK(self._on_audio)
        self.lib.espeak_SetSynthCallback(self._callback)

    def _on_audio(self, wav, count, events):
        if wav and count > 0:
            self._samples.append(np.ctypeslib.as_array(wav, (count,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == 7:
                name = events[i].id.string.decode("utf-8", "ignore")
                if any(c in VOWEL_IPA for c in name):
                    self._nuclei.append(events[i].audio_position / 1000.0)
            i += 1
        return 0

    def speak(self, text, voice, **params):
        """Samples at 16 kHz and vowel onset times in seconds, or None."""
        language, variant = voice.split("+")
        name = ESPEAK_FILES[language] + "+" + variant
        if self.lib.espeak_SetVoiceByName(name.encode()) != 0:
            return None
        for key, value in params.items():
            self.lib.espeak_SetParameter(self.PARAMS[key], int(value), 0)
        self._samples, self._nuclei = [], []
        data = text.encode("utf-8") + b"\0"
        self.lib.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, 1, None, None)
        self.lib.espeak_Synchronize()
        if not self._samples:
            return None
        x = np.concatenate(self._samples).astype(np.float32) / 32768.0
        # the library reports onsets; the middle of a vowel is about 40 ms later
        return resample(x, self.rate, RATE), np.array(self._nuclei) + 0.04


def espeak_data(data_dir):
    """The folder of a copy of espeak-ng's data, made where it is missing."""
    data = os.path.join(data_dir, "espeak-ng-data")
    if os.path.isdir(data):
        return data
    out = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True).stdout
    match = re.search(r"Data at: (.*)", out)
    if not match:
        raise RuntimeError("espeak-ng is not installed")
    shutil.copytree(match.group(1).strip(), data)
    # the library lists at most 350 voices: keep the languages in use
    for folder, _, names in os.walk(os.path.join(data, "lang")):
        for name in names:
            if os.path.basename(folder) + "/" + name not in ESPEAK_FILES.values():
                os.remove(os.path.join(folder, name))
    return data


def flite(text, voice, pitch_mean=None, pitch_std=None, stretch=1.0):
    """One sentence of flite: samples at 16 kHz and vowel middles, or None."""
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "a.wav")
        cmd = ["flite", "-voice", voice, "--setf", "duration_stretch=%.3f" % stretch]
        if pitch_mean:
            cmd += ["--setf", "int_f0_target_mean=%.1f" % pitch_mean]
        if pitch_std is not None:
            cmd += ["--setf", "int_f0_target_stddev=%.1f" % pitch_std]
        cmd += ["-psdur", "-t", text, "-o", path]
        run = subprocess.run(cmd, capture_output=True, text=True)
        if run.returncode or not os.path.exists(path):
            return None
        x, rate = read_wav(path)
    nuclei, last = [], 0.0
    for name, end in re.findall(r"([a-z]+)\d?:([0-9.]+)", run.stdout):
        end = float(end)
        if name in VOWEL_ARPA:
            nuclei.append((last + end) / 2)
        last = end
    return resample(x, rate, RATE), np.array(nuclei)


def festival(items, voice, stretch=1.0, pitch=None, encoding="latin-1"):
    """Sentences of one festival voice in one run: a list of (samples, nuclei).

    `pitch` is (mean, standard deviation) for the diphone voices' intonation.
    """
    with tempfile.TemporaryDirectory() as tmp:
        lines = ["(voice_%s)" % voice, "(Parameter.set 'Duration_Stretch %.3f)" % stretch]
        if pitch:
            lines.append("(set! int_lr_params '((target_f0_mean %.1f) (target_f0_std %.1f)"
                         " (model_f0_mean 170) (model_f0_std 34)))" % pitch)
        for i, text in enumerate(items):
            wav = os.path.join(tmp, "%d.wav" % i)
            lines += ['(set! u (utt.synth (Utterance Text "%s")))' % text.replace('"', ""),
                      '(utt.save.wave u "%s" \'riff)' % wav,
                      '(format t "UTT %d\\n")' % i,
                      "(mapcar (lambda (s) (format t \"SEG %s %s %s\\n\" (item.name s)"
                      " (item.feat s 'ph_vc) (item.feat s 'end))) (utt.relation.items u 'Segment))"]
        script = os.path.join(tmp, "run.scm")
        with open(script, "w", encoding=encoding, errors="replace") as f:
            f.write("\n".join(lines))
        run = subprocess.run(["festival", "-b", script], capture_output=True)
        out = run.stdout.decode("latin-1")
        results = []
        parts = re.split(r"UTT (\d+)\n", out)
        for i in range(1, len(parts), 2):
            wav = os.path.join(tmp, "%s.wav" % parts[i])
            if not os.path.exists(wav):
                continue
            x, rate = read_wav(wav)
            nuclei, last = [], 0.0
            for name, kind, end in re.findall(r"SEG (\S+) (\S) (\S+)", parts[i + 1]):
                if kind == "+" and name not in GLIDES:
                    nuclei.append((last + float(end)) / 2)
                last = float(end)
            results.append((int(parts[i]), resample(x, rate, RATE), np.array(nuclei)))
        if not results and run.stderr:
            print(run.stderr.decode("latin-1")[:300], file=sys.stderr)
        return results
