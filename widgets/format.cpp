// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/format.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>
#include <cmath>

namespace safequant::widgets {

namespace {

struct Text {
    Q_DECLARE_TR_FUNCTIONS(Format)
};

QString number(double value, int decimals) {
    // A true minus sign is as wide as a plus sign in tables.
    return QLocale().toString(value, 'f', decimals).replace(QLatin1Char('-'), QChar(0x2212));
}

}  // namespace

QString formatPercent(double share, int decimals) { return Text::tr("%1%").arg(number(share * 100.0, decimals)); }

QString formatInterval(const Interval& interval) {
    return QStringLiteral("[%1, %2]").arg(number(interval.low * 100.0, 0), number(interval.high * 100.0, 0));
}

QString formatRate(const Rate& rate) {
    if (rate.total == 0) {
        return Text::tr("no data");
    }
    return formatPercent(rate.value) + QLatin1Char(' ') + formatInterval(rate.wilson);
}

QString formatScore(double score) {
    if (!std::isfinite(score)) {
        return {};
    }
    const double rounded = std::round(score * 10.0) / 10.0;
    return rounded < 0.0 ? number(rounded, 1) : QLatin1Char('+') + number(std::abs(rounded), 1);
}

QString formatPoints(double difference) { return std::abs(difference) < 0.0005 ? number(0.0, 1) : formatScore(100.0 * difference); }

QString formatPoints(double difference, const Interval& interval) {
    return QStringLiteral("%1 [%2, %3]").arg(formatPoints(difference), formatPoints(interval.low), formatPoints(interval.high));
}

QString formatBytes(quint64 bytes) {
    const double value = double(bytes);
    if (value >= 1e9) {
        return Text::tr("%1 GB").arg(number(value / 1e9, value >= 1e11 ? 0 : 1));
    }
    if (value >= 1e6) {
        return Text::tr("%1 MB").arg(number(value / 1e6, 0));
    }
    return value >= 1e3 ? Text::tr("%1 kB").arg(number(value / 1e3, 0)) : Text::tr("%1 B").arg(bytes);
}

QString formatDuration(double seconds) {
    const qint64 whole = std::llround(seconds);
    if (whole < 60) {
        return Text::tr("%1 s").arg(whole);
    }
    const qint64 minutes = (whole + 30) / 60;
    if (minutes < 60) {
        return Text::tr("%1 min").arg(minutes);
    }
    return Text::tr("%1 h %2 min").arg(minutes / 60).arg(minutes % 60);
}

QString formatTimeLeft(double seconds) {
    return seconds < 0.0 || !std::isfinite(seconds) ? QString() : Text::tr("%1 left").arg(formatDuration(seconds));
}

QString formatAge(const QString& created) {
    const QDateTime time = QDateTime::fromString(created, Qt::ISODate);
    if (!time.isValid()) {
        return created;
    }
    const QDateTime now = QDateTime::currentDateTimeUtc();
    const qint64 seconds = time.secsTo(now);
    if (seconds < 60) {
        return Text::tr("just now");
    }
    if (seconds < 3600) {
        return Text::tr("%n min ago", "", int(seconds / 60));
    }
    const qint64 days = time.toLocalTime().date().daysTo(now.toLocalTime().date());
    if (days == 0) {
        return Text::tr("%n h ago", "", int(seconds / 3600));
    }
    if (days == 1) {
        return Text::tr("yesterday");
    }
    return QLocale().toString(time.toLocalTime().date(), QLocale::ShortFormat);
}

QString labelText(const QString& label) {
    if (label == QLatin1String("malicious")) {
        return Text::tr("Malicious");
    }
    if (label == QLatin1String("benign")) {
        return Text::tr("Benign");
    }
    return label == QLatin1String("hard_benign") ? Text::tr("Hard benign") : label;
}

QString outcomeText(const QString& outcome, const QString& label) {
    if (outcome == QLatin1String("refused")) {
        return Text::tr("refused");
    }
    if (outcome == QLatin1String("incoherent")) {
        return Text::tr("incoherent");
    }
    if (outcome == QLatin1String("complied")) {
        return label == QLatin1String("malicious") ? Text::tr("complied") : Text::tr("answered");
    }
    return outcome;
}

QString stageText(const QString& stage) {
    if (stage == QLatin1String("capture")) {
        return Text::tr("Capture");
    }
    if (stage == QLatin1String("patch")) {
        return Text::tr("Patch");
    }
    if (stage == QLatin1String("quantize")) {
        return Text::tr("Quantize");
    }
    if (stage == QLatin1String("evaluate")) {
        return Text::tr("Evaluate");
    }
    if (stage == QLatin1String("export")) {
        return Text::tr("Export");
    }
    return stage.isEmpty() ? stage : stage.left(1).toUpper() + stage.mid(1);
}

}  // namespace safequant::widgets
