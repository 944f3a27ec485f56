// SPDX-License-Identifier: GPL-3.0-or-later
// make_tiny_run WORKSPACE: a finished run of a tiny model, for tests that drive the window from outside; prints its folder.
#include <QDir>
#include <iostream>

#include "tiny_run.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: make_tiny_run WORKSPACE\n";
        return 2;
    }
    const QString workspace = QDir::current().absoluteFilePath(QString::fromLocal8Bit(argv[1]));
    const QString inputs = workspace + QStringLiteral("/inputs");
    tiny::writeInputs(inputs);
    auto spec = tiny::specJson(inputs);
    spec["stages"] = {"capture", "quantize", "evaluate"};
    const auto folder = tiny::makeRun(workspace, spec);
    tiny::finishRun(folder);
    std::cout << folder << '\n';
}
