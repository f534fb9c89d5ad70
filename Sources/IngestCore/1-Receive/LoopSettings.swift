extension WorkLoop {
    package struct Settings: Sendable {
        package var concurrency: Int
        package var pollWait: Duration
        package var grace: Duration
        /// Stop when the queue has been empty for this long.
        package var exitWhenIdle: Duration?
        package var visibilityTimeout: Duration
        /// After so many receives the queue moves a message to its dead-letter queue.
        package var maximumReceives: Int

        package init(
            concurrency: Int,
            pollWait: Duration = .seconds(20),
            grace: Duration = .seconds(20),
            exitWhenIdle: Duration? = nil,
            visibilityTimeout: Duration = .seconds(30),
            maximumReceives: Int = .max
        ) {
            self.concurrency = concurrency
            self.pollWait = pollWait
            self.grace = grace
            self.exitWhenIdle = exitWhenIdle
            self.visibilityTimeout = visibilityTimeout
            self.maximumReceives = maximumReceives
        }
    }
}
