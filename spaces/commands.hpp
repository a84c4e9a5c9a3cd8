#pragma once

#include "configs/command.hpp"

namespace naslat {

/// `naslat spaces [SPACE [ARCH]]`: lists the spaces; prints one space's decisions; prints one network layer by layer.
Action spaces_command(Command& command);

}  // namespace naslat
