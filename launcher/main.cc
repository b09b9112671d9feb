// The `lockstep` command.
#include <chrono>
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
#include "postgres/server_waits.h"
#include "wire/stop_signal.h"
#include "wire/watchdog.h"

namespace {

std::optional<std::string> Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

using namespace lockstep;

// What was made meanwhile is removed, which may take its time. Who waits for a server that does not
// answer hears a signal at once.
constexpr wire::WatchdogPatience kPatience{.interrupt = std::chrono::milliseconds(300),
                                           .end = std::chrono::seconds(30)};

model::ExitCode Execute(const launcher::Command& command, wire::StopSignal& stop) {
  if (const auto* doctor = std::get_if<launcher::DoctorOptions>(&command))
    return launcher::Doctor(*doctor);
  if (const auto* slots = std::get_if<launcher::SlotsOptions>(&command))
    return launcher::PrintSlots(*slots);
  if (const auto* prune = std::get_if<launcher::PruneOptions>(&command))
    return launcher::PrintPruning(*prune);
  if (const auto* audit = std::get_if<launcher::AuditOptions>(&command))
    return launcher::Audit(*audit, stop);
  return launcher::Run(std::get<launcher::RunOptions>(command), stop);
}

bool IsQuestion(const launcher::Command& command) {
  return std::holds_alternative<launcher::DoctorOptions>(command) ||
         std::holds_alternative<launcher::SlotsOptions>(command) ||
         std::holds_alternative<launcher::PruneOptions>(command);
}

}  // namespace

int main(int argc, char** argv) {
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
  auto stop = wire::StopSignal::Make();
  if (!stop) {
    std::cerr << "lockstep: " << stop.error().message << std::endl;
    return static_cast<int>(model::ExitCodeOf(stop.error()));
  }
  const wire::Watchdog watchdog(*stop, {.process = "lockstep",
                                        .patience = kPatience,
                                        .exit_code = model::ExitCode::kInconclusive,
                                        .interrupt = postgres::InterruptServerWaits,
                                        .waits_for = postgres::DescribeServerWaits});
  const model::ExitCode code = Execute(*command, *stop);
  if (!IsQuestion(*command) || !stop->Stopped()) return static_cast<int>(code);
  std::cerr << "lockstep: interrupted" << std::endl;
  return static_cast<int>(model::ExitCode::kInconclusive);
}
