// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest/QtTest>
#include <atomic>
#include <thread>
#include <vector>

#include "core/model/decoder.h"
#include "core/model/parallel.h"
#include "core/model/read_ahead.h"

using namespace safequant;

class TestParallel : public QObject {
    Q_OBJECT

private slots:
    void init() { m_threads = threadCount(); }
    void cleanup() { setThreadCount(m_threads); }

    void everyTaskRunsOnce_data() {
        QTest::addColumn<int>("threads");
        for (const int threads : {1, 2, 4, 3}) QTest::addRow("%d threads", threads) << threads;
    }

    void everyTaskRunsOnce() {
        QFETCH(int, threads);
        setThreadCount(threads);
        QCOMPARE(threadCount(), threads);
        for (int repeat = 0; repeat < 300; ++repeat) {
            std::vector<std::atomic<int>> runs(static_cast<std::size_t>(repeat % 70));
            std::atomic<bool> workersKnown{true};
            parallelFor(static_cast<std::int64_t>(runs.size()), [&](std::int64_t task, std::size_t worker) {
                ++runs[static_cast<std::size_t>(task)];
                if (worker >= static_cast<std::size_t>(threads)) workersKnown = false;
            });
            for (const auto& count : runs) QCOMPARE(count.load(), 1);
            QVERIFY(workersKnown);
        }
    }

    void rangesCoverAllRows() {
        setThreadCount(2);
        for (const std::size_t rows : {0U, 1U, 5U, 64U, 1000U})
            for (const std::size_t grain : {1U, 7U, 5000U}) {
                std::vector<std::atomic<int>> seen(rows);
                std::atomic<int> ranges{0};
                parallelRows(rows, grain, [&](std::size_t first, std::size_t last) {
                    ++ranges;
                    for (std::size_t i = first; i < last; ++i) ++seen[i];
                });
                for (const auto& count : seen) QCOMPARE(count.load(), 1);
                QVERIFY(ranges <= 64);
                if (rows <= grain) QVERIFY(ranges <= 1);
            }
    }

    void nestedAndConcurrentCallsFinish() {
        setThreadCount(3);
        std::atomic<int> inner{0};
        parallelFor(20, [&](std::int64_t, std::size_t) {
            parallelFor(10, [&](std::int64_t, std::size_t worker) { inner += worker == 0 ? 1 : 1000; });
        });
        QCOMPARE(inner.load(), 200);

        std::atomic<int> total{0};
        std::vector<std::thread> callers;
        for (int caller = 0; caller < 4; ++caller)
            callers.emplace_back([&] {
                for (int repeat = 0; repeat < 200; ++repeat) parallelFor(8, [&](std::int64_t, std::size_t) { ++total; });
            });
        for (std::thread& caller : callers) caller.join();
        QCOMPARE(total.load(), 4 * 200 * 8);
    }

    void sleepingWorkersWakeUp() {
        setThreadCount(2);
        std::atomic<int> done{0};
        for (int repeat = 0; repeat < 5; ++repeat) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            parallelFor(16, [&](std::int64_t, std::size_t) { ++done; });
        }
        QCOMPARE(done.load(), 80);
    }

    /// The next thing is begun while the one before is in hand, none beyond the last, and what making it throws comes out in its turn.
    void thingsAreReadAhead() {
        std::atomic<int> made = 0;
        ReadAhead<int> ahead(
            [&](int index) {
                if (index == 3) throw std::bad_alloc();
                ++made;
                return 10 * index;
            },
            4);
        QCOMPARE(ahead(1), 10);
        QTRY_COMPARE(made.load(), 2);  // 2 as well, unasked.
        QCOMPARE(ahead(2), 20);
        QCOMPARE(made.load(), 2);
        QVERIFY_THROWS_EXCEPTION(std::bad_alloc, ahead(3));
        QCOMPARE(ahead(0), 0);
        QTRY_COMPARE(made.load(), 4);
        QCOMPARE(ahead(2), 20);  // Not the one that was begun.

        made = 0;
        ReadAhead<int> last([&](int) { return ++made; }, 1);
        QCOMPARE(last(0), 1);
        QTest::qWait(20);
        QCOMPARE(made.load(), 1);
    }

    void threadCountIsClamped() {
        setThreadCount(0);
        QCOMPARE(threadCount(), 1);
        setThreadCount(-4);
        QCOMPARE(threadCount(), 1);
    }

private:
    int m_threads = 1;
};

QTEST_GUILESS_MAIN(TestParallel)
#include "test_parallel.moc"
