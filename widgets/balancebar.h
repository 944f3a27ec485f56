// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QString>
#include <QWidget>

namespace safequant::widgets {

/// How many prompts have which label, as one bar: a part for every label in its colour with its shape, name and count under it.
/// Within a part the calibration prompts are solid, the evaluation prompts lighter.
class BalanceBar : public QWidget {
    Q_OBJECT
public:
    struct Part {
        QString label;  ///< "malicious", "benign" or "hard_benign".
        qint64 calibration = 0, evaluation = 0;
    };

    explicit BalanceBar(QWidget* parent = nullptr);
    void setParts(const QList<Part>& parts);
    QSize sizeHint() const override { return {360, 52}; }
    QSize minimumSizeHint() const override { return {240, 52}; }

protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    QList<Part> m_parts;
};

}  // namespace safequant::widgets
