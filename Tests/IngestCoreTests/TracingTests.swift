import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import Testing

/// Trace contexts in both spellings, and what a tracer makes of them.
@Suite struct TracingTests {
    private let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    @Test func bothSpellingsAreTheSameContext() throws {
        let context = try #require(SpanContext(awsHeader: header))
        #expect(context.traceID == "5759e988bd862e3fe1be46a994272793" && context.spanID == "53995c3f42cd8ad8")
        #expect(context.isSampled == true && context.awsHeader == header)
        #expect(context.traceparent == "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01")
        #expect(SpanContext(traceparent: context.traceparent) == context)
    }

    @Test func anyOrderAndMissingFieldsAreRead() throws {
        let context = try #require(
            SpanContext(
                awsHeader:
                    "Self=1-67891233-abcdef012345678912345678; Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:2"
            )
        )
        #expect(context.span == 0 && context.isSampled == nil)
        #expect(SpanContext(awsHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?")?.isSampled == nil)
        #expect(SpanContext(traceparent: "cc-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00-later") != nil)
    }

    @Test(arguments: [
        "", "Root=", "Root=1-5759e988", "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e98-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a99427279g", "Root=1-00000000-000000000000000000000000",
        "Root=1-+759e988-bd862e3fe1be46a994272793",
        "Sampled=1", ";;;=",
    ])
    func whatIsNoHeaderIsNone(_ text: String) { #expect(SpanContext(awsHeader: text) == nil) }

    @Test(arguments: [
        "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8",
        "ff-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
        "00-00000000000000000000000000000000-53995c3f42cd8ad8-01",
        "00-5759e988bd862e3fe1be46a994272793-0000000000000000-01",
        "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01-more",
        "00-é759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", "",
    ])
    func whatIsNoTraceparentIsNone(_ text: String) { #expect(SpanContext(traceparent: text) == nil) }

    @Test func aSpanIsAChildOfTheOneAround() async throws {
        let tracer = Tracer(sampling: 0, time: SystemTime(), random: .system)
        let parent = try #require(SpanContext(awsHeader: header))
        await tracer.span("outer", .consumer, parent: parent) { outer in
            await tracer.span("inner") { inner in
                #expect(inner.context?.traceID == parent.traceID && Tracer.current == inner.context)
                inner.set("n", 1)
            }
            #expect(Tracer.current == outer.context)
        }
        let spans = tracer.take(10).spans
        #expect(spans.map(\.name) == ["inner", "outer"] && spans[1].parent == parent.span)
        #expect(spans[0].parent == spans[1].context.span && spans[0].attributes.first?.value == .number(1))
    }

    @Test(arguments: [0, 0.25, 1]) func aShareOfNewTracesIsKept(_ share: Double) async {
        let state = LockedValue(UInt64(7))
        let random = RandomSource {
            state.withLock { state in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state
            }
        }
        let tracer = Tracer(sampling: share, time: SystemTime(), random: random)
        for _ in 0..<1000 { await tracer.span("a") { _ in } }
        #expect(abs(Double(tracer.take(2000).spans.count) - share * 1000) <= (share == 0.25 ? 60 : 0))
    }

    @Test func theSendersDecisionHolds() async throws {
        let tracer = Tracer(sampling: 1, time: SystemTime(), random: .system)
        let refused = SpanContext(awsHeader: header.replacing("Sampled=1", with: "Sampled=0"))
        await tracer.span("a", parent: refused) { span in #expect(span.context?.isSampled == false) }
        #expect(tracer.take(10).spans.isEmpty)
    }

    @Test func withoutATracerWhatCameGoesOn() async throws {
        let parent = try #require(SpanContext(awsHeader: header))
        await Tracer.disabled.span("a", parent: parent) { span in
            #expect(span.context == parent && Tracer.current == parent)
        }
        await Tracer.disabled.span("a") { span in #expect(span.context == nil) }
    }

    @Test func aReceiverThatIsTooSlowCostsSpans() async {
        let tracer = Tracer(sampling: 1, time: SystemTime(), random: .system)
        for _ in 0..<9000 { await tracer.span("a") { _ in } }
        let (spans, dropped) = tracer.take(10_000)
        #expect(spans.count == 8192 && dropped == 9000 - 8192)
        #expect(tracer.take(10).dropped == 0)
    }

    @Test func aFailureIsNamedByItsTypeAlone() async throws {
        struct Secret: Error { var text = "the text of a document" }
        let tracer = Tracer(sampling: 1, time: SystemTime(), random: .system)
        try? await tracer.span("a") { _ in throw Secret() }
        #expect(tracer.take(1).spans.first?.failure == "Secret")
    }
}
