"""Make the default model with one command: `python3 make_model.py OUT_DIR`.

Synthesis, labels, training, export and evaluation, one after another. Finished
stages are kept in the work folder and not repeated.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(script, *args, stdout=None):
    command = [sys.executable, os.path.join(HERE, script)] + [str(a) for a in args]
    print("+", " ".join(command[1:]), file=sys.stderr, flush=True)
    if subprocess.run(command, stdout=stdout).returncode:
        raise SystemExit(script + " failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", help="folder for the weights and their figures")
    parser.add_argument("--work", help="folder for audio and checkpoints (default OUT/work)")
    parser.add_argument("--data", help="train on your own corpus: a list of audio files, "
                        "one per line, optionally a tab and a speaker or style")
    parser.add_argument("--steps", type=int,
                        help="training steps of both stages together (4600)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the synthetic corpus")
    parser.add_argument("--no-human", action="store_true", help="leave out the human prompts")
    args = parser.parse_args()
    work = args.work or os.path.join(args.out, "work")
    os.makedirs(work, exist_ok=True)
    os.makedirs(args.out, exist_ok=True)

    last = "dev" if args.data else "engine"
    if not os.path.exists(os.path.join(work, last + ".jsonl")):
        run("corpus.py", work, *(["--data", args.data] if args.data
                                 else ["--scale", args.scale]))
    # two stages: with batch statistics, then with fixed ones, as in use
    first, second = (os.path.join(work, n) for n in ("stage1.pt", "model.pt"))
    steps = args.steps or 4600
    early = steps * 25 // 46
    if not os.path.exists(first):
        run("train.py", work, "-o", first + ".part", "--steps", steps * 55 // 46,
            "--stop", early)
        os.replace(first + ".part", first)
    if not os.path.exists(second):
        run("train.py", work, "-o", second + ".part", "--init", first, "--freeze-norms",
            "--rate", 1.2e-3, "--echo", 3, "--steps", steps - early, "--seed", 2, "--local", 0.2)
        os.replace(second + ".part", second)
    run("export.py", second, work, args.out)
    if args.data:
        return
    with open(os.path.join(args.out, "evaluation.md"), "w") as f:
        run("evaluate.py", work, "--model", os.path.join(args.out, "weights.safetensors"),
            "--json", os.path.join(args.out, "evaluation.json"),
            *(["--no-human"] if args.no_human else []), stdout=f)
    with open(os.path.join(args.out, "evaluation.md")) as f:
        print(f.read())


if __name__ == "__main__":
    main()
