#pragma once

#include "configs/command.hpp"

namespace naslat {

/// `naslat train`: meta-trains a predictor on a pool of devices, writes a checkpoint.
Action train_command(CLI::App& app);
/// `naslat evaluate`: a correlation experiment over devices, protocols and seeds.
Action evaluate_command(CLI::App& app);

}  // namespace naslat
