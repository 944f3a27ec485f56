#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares t-SNE and UMAP with openTSNE and umap-learn: trustworthiness, divergence and time, on the same rows in the same run.

    check_projections.py BENCH [--run FOLDER --block N] [--rows 10000] [--columns 576] [--seeds 5] [--threads 2]
                         [--methods tsne umap] [--unseeded]

BENCH is the built bench_projections. Without --run the rows are a seeded mixture of 24 clusters on curved two- to eight-dimensional
manifolds; with it, the captured activations (base and quantized, calibration and evaluation prompts) of a block of a run folder.
The divergence of every embedding, ours and the peer's, is computed here by one function, over all pairs, from the P that
openTSNE's exact neighbours give. Processor seconds stand beside the clock's: they say the same on a busy machine. Needs numpy, scikit-learn, openTSNE, umap-learn and h5py.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time


def mixture(rows, columns, seed=0):
    import numpy as np
    random = np.random.default_rng(seed)
    clusters = 24
    sizes = random.multinomial(rows, random.dirichlet(np.full(clusters, 4.0)))
    parts = []
    for size in sizes:
        dimension = int(random.integers(2, 9))
        hidden = random.normal(size=(size, dimension))
        centre = random.normal(size=columns) * 0.9
        linear = random.normal(size=(dimension, columns)) / np.sqrt(dimension)
        curved = random.normal(size=(dimension, columns)) / np.sqrt(dimension)
        parts.append(centre + hidden @ linear + np.sin(1.5 * hidden) @ curved + 0.15 * random.normal(size=(size, columns)))
    x = np.concatenate(parts)
    return x[random.permutation(rows)].astype(np.float32)


def activations(run, block):
    import h5py
    import numpy as np
    parts = []
    for model in ("base", "quantized"):
        path = os.path.join(run, "blocks", f"{model}-{block:03d}.h5")
        if os.path.exists(path):
            with h5py.File(path) as file:
                parts.append(np.asarray(file["activations"], dtype=np.float32))
    return np.concatenate(parts)


def divergence(p, points):
    """KL(P || Q) with Q over all pairs; p: sparse, symmetric, sum 1."""
    import numpy as np
    points = np.asarray(points, dtype=np.float64)
    total = 0.0
    for begin in range(0, len(points), 1000):
        d = ((points[begin:begin + 1000, None, :] - points[None]) ** 2).sum(-1)
        total += (1.0 / (1.0 + d)).sum()
    total -= len(points)
    p = p.tocoo()
    w = 1.0 / (1.0 + ((points[p.row] - points[p.col]) ** 2).sum(-1))
    keep = p.data > 0
    return float((p.data[keep] * np.log(p.data[keep] * total / w[keep])).sum())


def trustworthiness(x, embeddings, k=15):
    """scikit-learn's of every embedding, in blocks of rows so that 10,000 rows need little memory."""
    import numpy as np
    n = len(x)
    squares = (x.astype(np.float64) ** 2).sum(1)
    lost = [0.0] * len(embeddings)
    for begin in range(0, n, 500):
        block = slice(begin, min(n, begin + 500))
        d = squares[block, None] + squares[None] - 2.0 * (x[block] @ x.T)
        d[np.arange(d.shape[0]), np.arange(begin, begin + d.shape[0])] = -np.inf
        for i, points in enumerate(embeddings):
            low = ((points[block, None, :] - points[None]) ** 2).sum(-1)
            low[np.arange(low.shape[0]), np.arange(begin, begin + low.shape[0])] = np.inf
            near = np.argpartition(low, k, axis=1)[:, :k]
            for column in near.T:
                ranks = (d < np.take_along_axis(d, column[:, None], axis=1)).sum(1)
                lost[i] += np.maximum(ranks - k, 0).sum()
    return [float(1.0 - 2.0 / (n * k * (2 * n - 3 * k - 1)) * part) for part in lost]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("--run")
    parser.add_argument("--block", type=int, default=15)
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--columns", type=int, default=576)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", nargs="+", choices=("tsne", "umap"), default=("tsne", "umap"))
    parser.add_argument("--unseeded", action="store_true", help="time umap-learn without a seed too, where it uses all threads")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = str(arguments.threads)
    import numpy as np
    import openTSNE
    import openTSNE.affinity
    import umap
    x = activations(arguments.run, arguments.block) if arguments.run else mixture(arguments.rows, arguments.columns)
    folder = tempfile.mkdtemp()
    rows = os.path.join(folder, "rows")
    with open(rows, "wb") as file:
        file.write(np.array(x.shape, dtype=np.int32).tobytes() + x.tobytes())

    def ours(method, seed):
        out = os.path.join(folder, "points")
        environment = dict(os.environ, SAFEQUANT_THREADS=str(arguments.threads))
        text = subprocess.run([arguments.bench, rows, method, str(seed), out], check=True, capture_output=True, text=True, env=environment)
        answer = json.loads(text.stdout)
        return np.fromfile(out, dtype=np.float32).reshape(-1, 2), answer["seconds"], answer["cpu_seconds"]

    if "tsne" in arguments.methods:
        p = openTSNE.affinity.PerplexityBasedNN(x, perplexity=30, method="exact", n_jobs=arguments.threads).P
        p = p / p.sum()

    def peer_tsne(seed):
        return np.asarray(openTSNE.TSNE(n_jobs=arguments.threads, random_state=seed).fit(x))

    def peer_umap(seed):
        return umap.UMAP(random_state=seed, n_jobs=1).fit_transform(x)

    def peer_umap_parallel(_):
        return umap.UMAP(n_jobs=arguments.threads).fit_transform(x)

    for method in arguments.methods:
        peer = {"tsne": peer_tsne, "umap": peer_umap}[method]
        points, seconds, cpu, peer_points, peer_seconds, peer_cpu = [], [], [], [], [], []
        for seed in range(arguments.seeds):
            result, taken, used = ours(method, seed)
            points.append(result)
            seconds.append(taken)
            cpu.append(used)
            begin, begin_cpu = time.perf_counter(), time.process_time()
            peer_points.append(peer(seed))
            peer_seconds.append(time.perf_counter() - begin)
            peer_cpu.append(time.process_time() - begin_cpu)
        trusts = trustworthiness(x, points + peer_points)
        trusted, peer_trusted = trusts[:arguments.seeds], trusts[arguments.seeds:]
        report = {
            "method": method, "rows": len(x), "columns": x.shape[1], "seeds": arguments.seeds,
            "trustworthiness": [round(float(np.mean(part)), 5) for part in (trusted, peer_trusted)],
            "worst": round(min(trusted), 5),
            "seconds": [round(min(seconds), 3), round(min(peer_seconds), 3)],
            "ratio": round(min(peer_seconds) / min(seconds), 2),
            "cpu_seconds": [round(min(cpu), 3), round(min(peer_cpu), 3)],
            "cpu_ratio": round(min(peer_cpu) / min(cpu), 2),
        }
        if method == "tsne":
            report["divergence"] = [round(float(np.mean([divergence(p, q) for q in part])), 5) for part in (points, peer_points)]
        elif arguments.unseeded:
            begin = time.perf_counter()
            peer_umap_parallel(0)
            report["unseeded_peer_seconds"] = round(time.perf_counter() - begin, 3)
            report["unseeded_ratio"] = round(report["unseeded_peer_seconds"] / min(seconds), 2)
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
