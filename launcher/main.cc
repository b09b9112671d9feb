// The `lockstep` command.
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/audit.h"
#include "launcher/audit_options.h"
#include "launcher/doctor.h"
#include "launcher/options.h"
#include "launcher/run.h"
#include "launcher/slots.h"
#include "model/error.h"

namespace {

std::optional<std::string> Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lockstep;
  const auto command =
      launcher::ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc), Variable);
  if (!command) {
    std::cerr << "lockstep: " << command.error().message << std::endl;
    return static_cast<int>(model::ExitCodeOf(command.error()));
  }
  if (const auto* help = std::get_if<launcher::HelpText>(&*command)) {
    std::cout << help->text;
    return 0;
  }
  if (const auto* doctor = std::get_if<launcher::DoctorOptions>(&*command)) {
    return static_cast<int>(launcher::Doctor(*doctor));
  }
  if (const auto* slots = std::get_if<launcher::SlotsOptions>(&*command)) {
    return static_cast<int>(launcher::PrintSlots(*slots));
  }
  if (const auto* prune = std::get_if<launcher::PruneOptions>(&*command)) {
    return static_cast<int>(launcher::PrintPruning(*prune));
  }
  if (const auto* audit = std::get_if<launcher::AuditOptions>(&*command)) {
    return static_cast<int>(launcher::Audit(*audit));
  }
  return static_cast<int>(launcher::Run(std::get<launcher::RunOptions>(*command)));
}
