#pragma once

#include "configs/command.hpp"

namespace naslat {

/// `naslat train`: meta-trains a predictor on a pool of devices, writes a checkpoint.
Action train_command(Command& command);
/// `naslat predict`: latencies of any networks with error bars, from what a dataset holds of a device.
Action predict_command(Command& command);
/// `naslat search`: the best networks within a latency limit.
Action search_command(Command& command);
/// `naslat evaluate`: a correlation experiment over devices, protocols and seeds.
Action evaluate_command(Command& command);

}  // namespace naslat
