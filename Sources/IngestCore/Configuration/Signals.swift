import Glibc

/// SIGTERM and SIGINT as stages of a shutdown: the first stops, the second ends at once.
package enum Signals {
    /// To be called before any thread is started: the signals are blocked in all of them, and one thread waits for them.
    package static func handle(with shutdown: Shutdown) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { argument in
                let shutdown = Unmanaged<Shutdown>.fromOpaque(argument!).takeRetainedValue()
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGTERM)
                sigaddset(&signals, SIGINT)
                var received: Int32 = 0
                while sigwait(&signals, &received) == 0 {
                    shutdown.enter(shutdown.isStopping ? .now : .stopping)
                }
                return nil
            },
            Unmanaged.passRetained(shutdown).toOpaque()
        )
        pthread_detach(thread)
    }
}
