// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/quantize/calibrator.h"
#include "core/run/session.h"

namespace safequant {

/// Calibrates the blocks of a run one after the other, says how each came out, and leaves each in a folder.
class CalibratedBlocks {
public:
    /// `folder`: where they go, the run's own or one inside it.
    CalibratedBlocks(Session& session, const QuantizationMethod* method, std::string folder)
        : m_session(session), m_method(method), m_folder(std::move(folder)) {}

    /// Makes sure that the block's file is there. Blocks found finished are passed through, so that the stream is where it would be had
    /// this session calibrated them. Errors: cancelled, those of Calibrator, samples and files.
    Expected<void> require(int block);

private:
    Expected<void> open();

    Session& m_session;
    const QuantizationMethod* m_method;
    std::string m_folder;
    std::unique_ptr<Calibrator> m_calibrator;
};

}  // namespace safequant
