// What a listener is called when nobody names it: containers of one service differ by host name
// only. And what its slot is called.
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

// "lockstep_5be3ca04_listener_3f2a90b1c4de" for listener-3f2a90b1c4de. A slot's name may hold
// lower-case letters, digits and underscores only, and 63 bytes. So an id that cannot stand there
// as it is, but for the "-" of "listener-", gets a hash of itself: names of one schema differ as
// ids do, and none takes another's slot for its own.
std::string SlotName(std::string_view schema, std::string_view id);

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_IDENTITY_H_
