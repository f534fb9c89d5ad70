/// A hint that a key may have changed. What is indexed is what GET returns then.
package struct ObjectChange: Equatable, Sendable {
    package var object: ObjectReference
    /// As the event calls it, without `s3:`; for logs.
    package var event: String
    /// For logs; order comes from the ledger.
    package var sequencer: String?
    /// An operator requested a retry of a rejected document.
    package var retriesRejected: Bool
    /// A repair: a new version is made of known content as well, and what stands under other tenants is removed.
    package var rebuilds: Bool
    package var lane = Lane.live

    package init(
        object: ObjectReference,
        event: String,
        sequencer: String? = nil,
        retriesRejected: Bool = false,
        rebuilds: Bool = false
    ) {
        self.object = object
        self.event = event
        self.sequencer = sequencer
        self.retriesRejected = retriesRejected
        self.rebuilds = rebuilds
    }

    /// The same of another object.
    func of(_ object: ObjectReference) -> ObjectChange {
        var change = self
        change.object = object
        return change
    }
}
