# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/quantize/aqlm.json: how well additive codebooks fit a layer with correlated inputs, in plain float64.

Usage: make_aqlm.py OUTPUT.json      (needs numpy)

An implementation of its own of the objective of AQLM (arXiv 2401.06118): residual k-means, then codes one codebook after the other with the
others held, and codebooks by conjugate gradients. Layer and inputs come from a generator that the test has, too. Errors are relative,
||(W - Q) X|| / ||W X||; only they are written, for k-means of other random numbers ends elsewhere.
"""
import json
import sys

import numpy as np

ROWS, COLUMNS, INPUTS, ENTRIES, GROUP = 256, 128, 512, 256, 8


def uniform(count, state):
    values = np.empty(count)
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = np.float32(state >> 8) / np.float32(16777216) - np.float32(0.5)
    return values, state


def layer():
    """Sums of three uniform numbers, and inputs of which each is 0.9 times its neighbour and something new."""
    drawn, state = uniform(3 * ROWS * COLUMNS, 7)
    weight = drawn.reshape(ROWS, COLUMNS, 3).sum(2)
    drawn, _ = uniform(INPUTS * COLUMNS, state)
    inputs = drawn.reshape(INPUTS, COLUMNS)
    for column in range(1, COLUMNS):
        inputs[:, column] += 0.9 * inputs[:, column - 1]
    return weight, inputs.T @ inputs / INPUTS


def k_means(points, random):
    table = points[random.choice(len(points), ENTRIES, replace=False)].copy()
    for _ in range(25):
        nearest = ((table**2).sum(1)[None] - 2 * points @ table.T).argmin(1)
        for k in range(ENTRIES):
            if (nearest == k).any():
                table[k] = points[nearest == k].mean(0)
    return table, ((table**2).sum(1)[None] - 2 * points @ table.T).argmin(1)


class Fit:
    def __init__(self, weight, hessian, codebooks, seed):
        random = np.random.default_rng(seed)
        self.weight, self.hessian, self.codebooks = weight, hessian, codebooks
        self.scales = np.sqrt((weight**2).mean(1))
        left = (weight / self.scales[:, None]).reshape(-1, GROUP)
        self.tables, self.codes = np.empty((codebooks, ENTRIES, GROUP)), np.empty((codebooks, ROWS, COLUMNS // GROUP), int)
        for m in range(codebooks):
            self.tables[m], codes = k_means(left, random)
            left = left - self.tables[m][codes]
            self.codes[m] = codes.reshape(ROWS, -1)

    def spread(self, tables):
        return (sum(table[codes] for table, codes in zip(tables, self.codes))).reshape(ROWS, COLUMNS) * self.scales[:, None]

    def gather(self, values):
        values = (values * self.scales[:, None]).reshape(ROWS, -1, GROUP)
        out = np.zeros_like(self.tables)
        for m in range(self.codebooks):
            np.add.at(out[m], self.codes[m], values)
        return out

    def error(self):
        difference = self.weight - self.spread(self.tables)
        whole = np.einsum("ij,jk,ik", self.weight, self.hessian, self.weight)
        return float(np.sqrt(np.einsum("ij,jk,ik", difference, self.hessian, difference) / whole))

    def fit_tables(self):
        residual = self.gather((self.weight - self.spread(self.tables)) @ self.hessian)
        direction, square = residual.copy(), (residual**2).sum()
        for _ in range(60):
            product = self.gather(self.spread(direction) @ self.hessian)
            length = square / (direction * product).sum()
            self.tables += length * direction
            residual -= length * product
            before, square = square, (residual**2).sum()
            direction = residual + square / before * direction

    def fit_codes(self):
        for g in range(COLUMNS // GROUP):
            part = slice(g * GROUP, (g + 1) * GROUP)
            tile = self.hessian[part, part]
            for m in range(self.codebooks):
                difference = (self.weight - self.spread(self.tables))
                others = difference[:, part] / self.scales[:, None] + self.tables[m][self.codes[m][:, g]]
                rest = difference.copy()
                rest[:, part] = 0.0
                target = others @ tile + (rest @ self.hessian[:, part]) / self.scales[:, None]
                costs = np.einsum("kj,jl,kl->k", self.tables[m], tile, self.tables[m])[None] - 2 * target @ self.tables[m].T
                self.codes[m][:, g] = costs.argmin(1)


def main():
    weight, hessian = layer()
    fits = []
    for codebooks in (2, 3):
        fit = Fit(weight, hessian, codebooks, 0)
        errors = [fit.error()]
        for _ in range(4):
            fit.fit_tables()
            fit.fit_codes()
            errors.append(fit.error())
        fit.fit_tables()
        fits.append({"codebooks": codebooks, "initial": errors[0], "final": fit.error()})
        print(codebooks, errors, fit.error())
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump({"rows": ROWS, "columns": COLUMNS, "inputs": INPUTS, "trace": float(np.trace(hessian)), "weight_sum": float(weight.sum()), "fits": fits}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
