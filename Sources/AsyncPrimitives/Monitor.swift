import Glibc

/// A mutex with a condition, for threads that may block. Owns both.
///
/// Unchecked: it synchronizes what its user guards with it.
package final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Waits until another thread signals. To be called inside `locked`, which it leaves meanwhile; what is waited for has to be looked at again.
    package func wait() { pthread_cond_wait(condition, mutex) }

    /// Wakes every thread that waits.
    package func signal() { pthread_cond_broadcast(condition) }
}
