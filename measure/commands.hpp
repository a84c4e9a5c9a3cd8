#pragma once

#include "configs/command.hpp"

namespace naslat {

Action devices_command(CLI::App& app);
Action measure_command(CLI::App& app);
Action embed_command(CLI::App& app);
Action import_command(CLI::App& app);
Action export_command(CLI::App& app);
Action merge_command(CLI::App& app);

}  // namespace naslat
