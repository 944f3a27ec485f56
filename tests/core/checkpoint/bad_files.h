// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTest>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"

namespace safequant::test {

/// One row of a table of broken inputs: what makes it, and the error it must give.
template <typename Input>
struct BadInput {
    const char* name;
    std::function<Input()> make;
    ErrorKind kind;
    const char* says;
};

/// The rows of a test function: the column "index" counts them.
template <typename Input>
void addBadRows(const std::vector<BadInput<Input>>& table) {
    QTest::addColumn<int>("index");
    for (std::size_t i = 0; i < table.size(); ++i) QTest::newRow(table[i].name) << static_cast<int>(i);
}

/// Checks kind and text of an error, and that it names a file that begins with `place`.
template <typename Input, typename Result>
void verifyRefused(const BadInput<Input>& bad, const Result& result, const std::string& place) {
    QVERIFY(!result.has_value());
    const std::string text = result.error().describe();
    QVERIFY2(result.error().kind == bad.kind, text.c_str());
    QVERIFY2(result.error().message.find(bad.says) != std::string::npos, text.c_str());
    QVERIFY2(result.error().context.starts_with(place), text.c_str());
}

/// Opens a model with its adapters and reads every tensor. Some damage shows in the values alone.
inline Expected<void> openAndRead(const std::string& path, const std::vector<std::string>& adapters = {}) {
    const auto opened = openCheckpoint(path, adapters);
    if (!opened) return fail(opened.error());
    for (const TensorInfo& tensor : (*opened)->tensors()) {
        std::size_t count = 1;
        for (const auto size : tensor.shape) count *= static_cast<std::size_t>(size);
        std::vector<float> values(count);
        if (auto read = (*opened)->read(tensor.name, values); !read) return read;
    }
    return {};
}

}  // namespace safequant::test
