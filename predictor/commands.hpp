#pragma once

#include "configs/command.hpp"

namespace naslat {

/// `naslat train`: meta-trains a predictor on a pool of devices, writes a checkpoint.
Action train_command(CLI::App& app);
/// `naslat evaluate`: a correlation experiment over devices, protocols and seeds.
/// `naslat predict`: latencies of any networks with error bars, from what a dataset holds of a device.
Action predict_command(CLI::App& app);
Action evaluate_command(CLI::App& app);

}  // namespace naslat
