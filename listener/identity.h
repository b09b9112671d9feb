// What a listener is called when nobody names it: containers of one service differ by host name
// only.
#ifndef LOCKSTEP_LISTENER_IDENTITY_H_
#define LOCKSTEP_LISTENER_IDENTITY_H_

#include <string>
#include <string_view>

namespace lockstep::listener {

// "listener-" and the host name. One that is too long for a slot's name (63 bytes, of which the
// run's schema takes 18) is cut and gets a hash of the whole instead, so that names stay different.
std::string IdOfHost(std::string_view host);

// The same for this host.
std::string IdOfThisHost();

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_IDENTITY_H_
