#pragma once

#include "configs/command.hpp"
#include "measure/choose.hpp"

namespace naslat {

Action devices_command(CLI::App& app);
/// @param choose what to measure, for `--next` and the designed probes
Action measure_command(CLI::App& app, ChooseNext choose);
Action embed_command(CLI::App& app);
Action import_command(CLI::App& app);
Action export_command(CLI::App& app);
Action merge_command(CLI::App& app);

}  // namespace naslat
