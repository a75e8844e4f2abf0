"""What the corpus tests share: generated clips, ten ways to break one, runs that are killed."""
import array
import contextlib
import fcntl
import hashlib
import os
import pathlib
import signal
import subprocess
import termios
import time

import numpy as np
import stylet


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def clips(folder, n, seconds=0.4, seed=7, n_sounds=None):
    """n short clips, each another sound (or one of n_sounds); their paths."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    paths = []
    for i in range(n):
        if n_sounds and i >= n_sounds:
            paths.append(folder / f"{i:05d}.wav")
            os.link(paths[i % n_sounds], paths[i])
            continue
        sound = 0.1 * rng.standard_normal(int(16000 * seconds)) + 0.2 * np.sin(np.arange(int(16000 * seconds)) * (0.01 + i % 50 * 0.002))
        paths.append(stylet.write_wav(folder / f"{i:05d}.wav", np.clip(sound, -0.99, 0.99)))
    return paths


def wav_header(rate=16000, channels=1, bits=16, data=6400, code=1):
    align = channels * bits // 8
    return (b"RIFF" + (36 + data).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little") + code.to_bytes(2, "little") +
            channels.to_bytes(2, "little") + rate.to_bytes(4, "little") + (rate * align % 2**32).to_bytes(4, "little") +
            align.to_bytes(2, "little") + bits.to_bytes(2, "little") + b"data" + data.to_bytes(4, "little"))


def broken(path, how):
    """Breaks the file in one of ten ways; returns the codes that may be said of it."""
    path.unlink()
    sound = bytes(6400)
    if how == 0:
        return {"not_found"}
    if how == 1:
        path.write_bytes(b"")
        return {"empty"}
    if how == 2:
        path.write_bytes(b"this is a text and no sound at all\n" * 20)
        return {"not_audio"}
    if how == 3:
        path.write_bytes(wav_header() + sound[:1000])
        return {"truncated"}
    if how == 4:
        path.write_bytes(wav_header(data=0))
        return {"empty"}
    if how == 5:
        path.write_bytes(wav_header(rate=10) + sound)
        return {"bad_rate"}
    if how == 6:
        path.write_bytes(wav_header(channels=100, data=6400) + sound)
        return {"bad_channels"}
    if how == 7:
        path.write_bytes(wav_header(bits=32, code=3) + np.full(1600, np.nan, "<f4").tobytes())
        return {"nonfinite"}
    if how == 8:
        path.mkdir()
        return {"unreadable"}
    path.write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    return {"truncated", "not_audio"}


def start(*args, env=None, cwd=None):
    return subprocess.Popen([stylet.STYLET, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            env={**os.environ, **(env or {})}, cwd=cwd)


@contextlib.contextmanager
def held(path):
    """While this lasts the clip is a pipe that no one writes: a run that comes to it stays there. Gives the way to let it go on."""
    sound, aside = path.read_bytes(), path.with_suffix(".aside")
    path.rename(aside)
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)

    def let_go():
        """Hands the sound to the one run that waits; the pipe is then at its end."""
        nonlocal keeper
        os.write(keeper, sound)  # a clip is smaller than a pipe's buffer
        left = array.array("i", [1])
        while left[0]:  # until the run has come here and read it
            time.sleep(0.001)
            fcntl.ioctl(keeper, termios.FIONREAD, left)
        os.close(keeper)
        keeper = None
    try:
        yield let_go
    finally:
        if keeper is not None:
            os.close(keeper)
        path.unlink()
        aside.rename(path)


def wait_for(process, path, size, seconds=120):
    """Waits until a running process has made a file at least this large."""
    end = time.monotonic() + seconds
    while not path.exists() or path.stat().st_size < size:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(f"{path.name} never had {size} bytes: {process.communicate()[1].decode()}")
        time.sleep(0.001)


def kill_at(path, size, *args):
    """Starts a run that is held somewhere and kills it as soon as a file is that large."""
    process = start(*args)
    wait_for(process, path, size)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def kill_after(seconds, *args):
    """Starts a run and kills it; True if it was still running."""
    process = start(*args)
    time.sleep(seconds)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return running


def children(pid):
    """Processes whose parent is pid."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found
