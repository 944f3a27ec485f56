// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>

#include "tests/fuzz/targets.h"

using namespace safequant::fuzzing;

/// Replays the seeds of the fuzz targets: those called "valid-..." must be accepted, all others only be survived.
class TestFuzzSeeds : public QObject {
    Q_OBJECT
private slots:
    void replay_data();
    void replay();
    void everyTargetHasAValidSeed();
};

namespace {
const QString kSeeds = QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds");
}

void TestFuzzSeeds::replay_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<int>("target");
    for (int i = 0; i < static_cast<int>(std::size(kTargets)); ++i) {
        const QDir folder(kSeeds + '/' + QString::fromLatin1(kTargets[i].name.data(), static_cast<qsizetype>(kTargets[i].name.size())));
        for (const QString& file : folder.entryList(QDir::Files, QDir::Name))
            QTest::newRow(qPrintable(folder.dirName() + '/' + file)) << folder.filePath(file) << i;
    }
}

void TestFuzzSeeds::replay() {
    QFETCH(const QString, path);
    QFETCH(const int, target);
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray bytes = file.readAll();
    const bool accepted = kTargets[target].accepts(std::as_bytes(std::span(bytes.data(), static_cast<std::size_t>(bytes.size()))));
    if (QFileInfo(path).fileName().startsWith("valid-")) QVERIFY2(accepted, qPrintable(path));
}

void TestFuzzSeeds::everyTargetHasAValidSeed() {
    for (const Target& target : kTargets) {
        const QDir folder(kSeeds + '/' + QString::fromLatin1(target.name.data(), static_cast<qsizetype>(target.name.size())));
        QVERIFY2(!folder.entryList({"valid-*"}, QDir::Files).isEmpty(), qPrintable(folder.path()));
    }
}

QTEST_APPLESS_MAIN(TestFuzzSeeds)
#include "test_fuzz_seeds.moc"
