import AsyncPrimitives
import CPlatform
import Glibc

/// SIGTERM and SIGINT as stages of a shutdown: the first stops, the second ends it immediately.
package enum Signals {
    /// To be called first in `main`. By handlers and not by a mask: the runtime has started threads by then.
    package static func handle(with shutdown: Shutdown) {
        signal(SIGPIPE, SIG_IGN)
        guard platform_signal_pipe() >= 0 else { preconditionFailure("no pipe for signals") }
        DetachedThread.start {
            while platform_next_signal() > 0 { shutdown.enter(shutdown.isStopping ? .now : .stopping) }
        }
    }
}
