"""Make the default model with one command: `python3 make_model.py OUT_DIR`.

Synthesis, labels, training, export and evaluation, one after another. Finished
stages are kept in the work folder and not repeated.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# name, share of the steps, options: with batch statistics; with fixed ones, as in use; longer;
# and with the distances of the style vector weighing more; then, in two, with more clips as they
# were spoken and more hard negatives; last also with level and tilt moved alone, and silence around
# speech. The learning rate of the first and the third stops falling on the way. The model is the
# mean of the last two, by shares.
LAST = ["--keep-norms", "--rank", 0.15, "--local", 0.1, "--clean", 0.5, "--near", 0.5,
        "--labels", "3,3,4,0.2,5,1,0.5,0.5"]
STAGES = [
    ("stage1", 2500, lambda n: ["--steps", n * 11 // 5, "--triplet", 0, "--contrast", 0.15]),
    ("stage2", 2100, lambda n: ["--steps", n, "--freeze-norms", "--rate", 1.2e-3, "--echo", 3,
                                "--triplet", 0, "--contrast", 0.15, "--local", 0.2]),
    ("stage3", 3000, lambda n: ["--steps", n * 5 // 3, "--freeze-norms", "--rate", 1e-3,
                                "--echo", 4]),
    ("stage4", 2200, lambda n: ["--steps", n, "--keep-norms", "--rate", 7e-4, "--echo", 5,
                                "--triplet", 0.6, "--rank", 0.15, "--local", 0.05]),
    ("stage5", 800, lambda n: LAST + ["--steps", n, "--rate", 4e-4, "--echo", 3, "--triplet", 0.8]),
    ("stage6", 2300, lambda n: LAST + ["--steps", n, "--rate", 6e-4, "--echo", 2, "--triplet", 1.2,
                                       "--contrast", 0.4]),
    ("stage7", 3000, lambda n: LAST + ["--steps", n, "--rate", 8e-4, "--echo", 2, "--triplet", 1.2,
                                       "--contrast", 0.4, "--near", 0.6, "--moved", 0.7,
                                       "--edges", 0.25]),
]


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
                        help="training steps of all stages together (15900)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the synthetic corpus")
    parser.add_argument("--no-human", action="store_true", help="leave out the human prompts")
    args = parser.parse_args()
    if args.data and not os.path.isfile(args.data):
        parser.error("the list '%s' is not there" % args.data)
    work = args.work or os.path.join(args.out, "work")
    os.makedirs(work, exist_ok=True)
    os.makedirs(args.out, exist_ok=True)

    last = "dev" if args.data else "engine"
    if not os.path.exists(os.path.join(work, last + ".jsonl")):
        run("corpus.py", work, *(["--data", args.data] if args.data
                                 else ["--scale", args.scale]))
    steps = args.steps or sum(share for _, share, _ in STAGES)
    last = None
    for k, (name, share, options) in enumerate(STAGES):
        checkpoint = os.path.join(work, name + ".pt")
        if not os.path.exists(checkpoint):
            count = max(1, steps * share // sum(s for _, s, _ in STAGES))
            run("train.py", work, "-o", checkpoint + ".part", "--seed", k + 1, "--stop", count,
                *(["--init", last] if last else []), *options(count))
            os.replace(checkpoint + ".part", checkpoint)
        last = checkpoint
    mean = os.path.join(work, "mean.pt")
    run("average.py", mean, os.path.join(work, "stage6.pt"), 0.3, last, 0.7)
    run("export.py", mean, work, args.out)
    if args.data:
        return
    with open(os.path.join(args.out, "evaluation.md"), "w") as f:
        run("evaluate.py", work, "--model", os.path.join(args.out, "weights.safetensors"),
            "--backend", "torch", "--json", os.path.join(args.out, "evaluation.json"),
            *(["--no-human"] if args.no_human else []), stdout=f)
    with open(os.path.join(args.out, "evaluation.md")) as f:
        print(f.read())


if __name__ == "__main__":
    main()
