// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "core/quantize/calibrator.h"
#include "core/run/session.h"

namespace safequant {

/// Calibrates the blocks of a run one after the other, says how each came out, and leaves each in the run's folder.
class CalibratedBlocks {
public:
    CalibratedBlocks(Session& session, const QuantizationMethod* method) : m_session(session), m_method(method) {}

    /// Makes sure that the block's file is there. Blocks found finished are passed through, so that the stream is where it would be had
    /// this session calibrated them. Errors: cancelled, those of Calibrator, samples and files.
    Expected<void> require(int block);

private:
    Expected<void> open();

    Session& m_session;
    const QuantizationMethod* m_method;
    std::unique_ptr<Calibrator> m_calibrator;
};

}  // namespace safequant
