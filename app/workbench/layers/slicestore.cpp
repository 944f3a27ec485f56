// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/slicestore.h"

#include <QUndoCommand>
#include <algorithm>
#include <array>
#include <numeric>

#include "app/workbench/layers/slicefile.h"

namespace safequant::workbench {

using widgets::PromptSlice;

namespace {
constexpr int kWriteDelay = 300;
}

/// A change, kept as the slices before and after it: lists of prompts are shared, so that this costs little.
class SliceStore::Edit : public QUndoCommand {
public:
    Edit(SliceStore* store, const QString& name, std::vector<PromptSlice> after)
        : QUndoCommand(name), m_store(store), m_before(store->m_slices), m_after(std::move(after)) {}

    void undo() override { m_store->apply(m_before); }
    void redo() override { m_store->apply(m_after); }

private:
    SliceStore* m_store;
    std::vector<PromptSlice> m_before, m_after;
};

SliceStore::SliceStore(QObject* parent) : QObject(parent) {
    m_writeTimer.setSingleShot(true);
    m_writeTimer.setInterval(kWriteDelay);
    connect(&m_writeTimer, &QTimer::timeout, this, &SliceStore::write);
}

SliceStore::~SliceStore() {
    if (m_writeTimer.isActive()) write();
}

void SliceStore::open(const QString& file, const std::string& run, Prompts prompts) {
    close();
    m_file = file;
    m_run = run;
    m_prompts = std::move(prompts);
    auto read = readSlices(file, *m_prompts);
    m_usable = read.has_value();
    if (read) {
        m_slices = std::move(*read);
    } else {
        m_problem = tr("%1 The file is left as it is; slices can be made once it is repaired or moved away.")
                        .arg(QString::fromStdString(read.error().describe()));
    }
    emit changed();
}

void SliceStore::close() {
    if (m_writeTimer.isActive()) {
        m_writeTimer.stop();
        write();
    }
    m_undo.clear();
    m_slices.clear();
    m_prompts.reset();
    m_problem.clear();
    m_usable = false;
    emit changed();
}

void SliceStore::edit(const QString& name, const std::function<void(std::vector<PromptSlice>&)>& change) {
    if (!m_usable) return;
    std::vector<PromptSlice> after = m_slices;
    change(after);
    if (after != m_slices) m_undo.push(new Edit(this, name, std::move(after)));
}

void SliceStore::apply(const std::vector<PromptSlice>& slices) {
    m_slices = slices;
    m_writeTimer.start();
    emit changed();
}

void SliceStore::write() {
    const auto written = writeSlices(m_file, m_run, m_slices, *m_prompts);
    const QString problem = written ? QString()
                                    : tr("The slices could not be written: %1 They last until the window is closed.")
                                          .arg(QString::fromStdString(written.error().describe()));
    if (problem == m_problem) return;
    m_problem = problem;
    emit changed();
}

int SliceStore::add(const QString& name, const QString& madeFrom, const QList<int>& prompts) {
    if (!m_usable) return -1;
    std::array<int, widgets::kSliceMarks> uses{};
    for (const PromptSlice& slice : m_slices) ++uses.at(static_cast<std::size_t>(slice.mark));
    PromptSlice slice;
    slice.mark = static_cast<int>(std::min_element(uses.begin(), uses.end()) - uses.begin());
    slice.madeFrom = madeFrom;
    slice.prompts = prompts;
    std::sort(slice.prompts.begin(), slice.prompts.end());
    const auto taken = [this](const QString& wanted) {
        return std::any_of(m_slices.begin(), m_slices.end(), [&](const PromptSlice& other) { return other.name == wanted; });
    };
    slice.name = name;
    for (int number = 2; taken(slice.name); ++number) slice.name = QStringLiteral("%1 %2").arg(name).arg(number);
    edit(tr("Make a slice"), [&](std::vector<PromptSlice>& slices) { slices.push_back(slice); });
    return static_cast<int>(m_slices.size()) - 1;
}

void SliceStore::rename(int slice, const QString& name) {
    const QString wanted = name.simplified();
    if (!holds(slice) || wanted.isEmpty()) return;
    edit(tr("Rename a slice"), [&](std::vector<PromptSlice>& slices) { slices[static_cast<std::size_t>(slice)].name = wanted; });
}

void SliceStore::setMark(int slice, int mark) {
    if (!holds(slice) || mark < 0 || mark >= widgets::kSliceMarks) return;
    edit(tr("Change a slice's mark"), [&](std::vector<PromptSlice>& slices) { slices[static_cast<std::size_t>(slice)].mark = mark; });
}

void SliceStore::setShown(int slice, bool shown) {
    if (!holds(slice)) return;
    edit(shown ? tr("Show a slice") : tr("Hide a slice"),
         [&](std::vector<PromptSlice>& slices) { slices[static_cast<std::size_t>(slice)].shown = shown; });
}

void SliceStore::remove(const QList<int>& slices) {
    QList<int> places = slices;
    std::sort(places.begin(), places.end(), std::greater<>());
    edit(slices.size() == 1 ? tr("Delete a slice") : tr("Delete slices"), [&](std::vector<PromptSlice>& rest) {
        for (const int place : std::as_const(places)) {
            if (holds(place)) rest.erase(rest.begin() + place);
        }
    });
}

QList<int> SliceStore::complement(int slice) const {
    if (!holds(slice)) return {};
    QList<int> all(static_cast<qsizetype>(m_prompts->size()));
    std::iota(all.begin(), all.end(), 0);
    return widgets::slicesMinus(all, m_slices[static_cast<std::size_t>(slice)].prompts);
}

}  // namespace safequant::workbench
