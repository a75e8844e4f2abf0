"""Searching and mapping a corpus, timed in turns with numpy: python3 tests/bench/compare_numpy.py [ROWS [WIDTH [ROUNDS]]]

    nearest     stylet compare --nearest 10 over ROWS x WIDTH stored vectors, the whole process
    numpy       the float32 matrix product, division by the lengths, argpartition: its time inside a process that is already
                running, once with reading the same file and once with the array in memory
    map         stylet plot map of ROWS / 10 vectors, the whole process; numpy: centring and numpy.linalg.svd alone

One thread each. What is printed are medians over the rounds, and the medians of the ratios within a round: the machine
may be busy, both then are. Ratios above 1: stylet is faster.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"  # before numpy is imported
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
STYLET = os.environ.get("STYLET", str(ROOT / "build" / "stylet"))
K = 10


def seconds(function, *args):
    begin = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - begin, result


def stylet(*args):
    return subprocess.run([STYLET, *map(str, args)], check=True, stdout=subprocess.PIPE).stdout


def numpy_nearest(rows, query):
    scores = rows @ query / np.sqrt(np.einsum("ij,ij->i", rows, rows))
    best = np.argpartition(scores, -K)[-K:]
    return best[np.argsort(-scores[best])]


def numpy_from_file(path, query):
    return numpy_nearest(np.load(path), query)


def numpy_map(rows):
    centred = rows - rows.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u[:, :2] * s[:2]


def write(path, rows, width):
    rng = np.random.default_rng(1)
    file = np.lib.format.open_memmap(path, "w+", np.float32, (rows, width))
    for begin in range(0, rows, 100000):
        end = min(rows, begin + 100000)
        file[begin:end] = rng.standard_normal((end - begin, width), np.float32)
    file.flush()


def report(name, rounds):
    middle = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    print(f"{name}: stylet {middle['stylet']:.3f} s")
    for key in rounds[0]:
        if key != "stylet":
            ratio = statistics.median(r[key] / r["stylet"] for r in rounds)
            print(f"  {key:24} {middle[key]:.3f} s, ratio {ratio:.2f}")


def main(rows=1000000, width=256, rounds=5):
    with tempfile.TemporaryDirectory() as folder:
        index, query, points = (pathlib.Path(folder) / name for name in ("index.npy", "query.npy", "points.npy"))
        write(index, rows, width)
        write(points, max(rows // 10, 2), width)
        np.save(query, np.random.default_rng(2).standard_normal((1, width)).astype(np.float32))
        q, held = np.load(query)[0], np.load(index)
        times, maps = [], []
        for _ in range(rounds):
            own, text = seconds(stylet, "compare", "--json", "--nearest", K, "--index", index, query)
            load, found = seconds(numpy_from_file, index, q)
            memory, again = seconds(numpy_nearest, held, q)
            if [m["row"] for m in json.loads(text)["nearest"]] != list(found) or list(found) != list(again):
                raise SystemExit("the two do not find the same vectors")
            times.append({"stylet": own, "numpy with reading": load, "numpy in memory": memory})
        report(f"nearest {K} of {rows} x {width}", times)
        del held
        cloud = np.load(points)
        for _ in range(rounds):
            own, _ = seconds(stylet, "plot", "map", points, "-o", pathlib.Path(folder) / "m.png", "--overwrite")
            svd, _ = seconds(numpy_map, cloud)
            maps.append({"stylet": own, "numpy svd": svd})
        report(f"map of {len(cloud)} x {width}", maps)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
