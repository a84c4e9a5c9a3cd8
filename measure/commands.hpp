#pragma once

#include "configs/command.hpp"
#include "measure/choose.hpp"

namespace naslat {

Action devices_command(Command& command);
/// @param choose what to measure, for `--next` and the designed probes
Action measure_command(Command& command, ChooseNext choose);
Action embed_command(Command& command);
Action import_command(Command& command);
Action export_command(Command& command);
Action merge_command(Command& command);

}  // namespace naslat
