import Glibc

/// A thread for calls that block, off the cooperative pool.
package enum DetachedThread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    package static func start(_ body: @escaping @Sendable () -> Void) { pthread_detach(startJoinable(body)) }

    /// The caller has to join it.
    package static func startJoinable(_ body: @escaping @Sendable () -> Void) -> pthread_t {
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(Body(body)).toOpaque()
        )
        return thread
    }
}
