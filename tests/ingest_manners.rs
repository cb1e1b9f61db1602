//! What a publisher sees of us.

use hotspots_pipeline::{Credential, Intake, KeyPlace};

use crate::support::rig::{START_S, row};
use crate::support::{Fault, FaultServer, Rig, TestLake};

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_has_not_changed_is_not_sent_again() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.validate();
    server.put_status(START_S, 4);
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    assert_eq!(row(&rig.poll_after(0).await, "station_status").outcome, "stored");
    let second = rig.poll_after(60).await;
    assert_eq!(row(&second, "station_status").outcome, "not_modified");
    assert_eq!(row(&second, "station_status").http_status, Some(304));
    assert!(second.is_complete());
    server.put_status(START_S + 120, 5);
    assert_eq!(row(&rig.poll_after(60).await, "station_status").outcome, "stored");
    assert_eq!(lake.paths("station_status").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_without_a_clock_is_always_asked_for_in_full() {
    // Its 304 would say that nothing changed, but not under which time to file that.
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.validate();
    let body = crate::support::fault_server::status(START_S, 4);
    server.put("station_status.json", &body.replacen(&START_S.to_string(), "null", 1));
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    for _ in 0..2 {
        assert_eq!(row(&rig.poll_after(60).await, "station_status").outcome, "stored");
    }
    assert_eq!(lake.paths("station_status").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_is_told_who_asks_and_when_to_be_asked_again_is_obeyed() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.put_status(START_S, 4);
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    rig.poll_after(0).await;
    let request = server.requests().pop().unwrap();
    let agent = &request.headers["user-agent"];
    assert!(agent.starts_with("hotspots/") && agent.contains("test@example.org"), "{agent}");
    assert_eq!(request.headers["accept-encoding"], "gzip");

    let busy = Fault::Status(503, "Retry-After: 600\r\n");
    server.set_fault("station_status.json", Some(busy));
    assert_eq!(row(&rig.poll_after(60).await, "station_status").outcome, "http_status");
    let asked = |server: &FaultServer| {
        server.requests().iter().filter(|r| r.path == "station_status.json").count()
    };
    let before = asked(&server);
    rig.poll_after(590).await;
    assert_eq!(asked(&server), before, "ten seconds too early");
    rig.poll_after(10).await;
    assert_eq!(asked(&server), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cadence_is_the_feeds_own_and_a_hiccup_costs_seconds() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.put_status(START_S, 4);
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    rig.poll_after(0).await;
    // Its ttl is 60 s: after 59 nobody asks.
    assert_eq!(rig.poll_after(59).await.attempts.len(), 0);
    server.set_fault("station_status.json", Some(Fault::Reset));
    assert_eq!(row(&rig.poll_after(1).await, "station_status").outcome, "refused");
    server.set_fault("station_status.json", None);
    server.put_status(START_S + 60, 6);
    // The first retry comes after 7.5 to 12.5 s.
    assert_eq!(rig.poll_after(7).await.attempts.len(), 0);
    assert_eq!(row(&rig.poll_after(6).await, "station_status").outcome, "stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_reaches_the_publisher_and_nobody_else() {
    for place in [KeyPlace::Header("X-Api-Key".to_owned()), KeyPlace::Query("key".to_owned())] {
        let (lake, server, elsewhere) =
            (TestLake::new(), FaultServer::start(), FaultServer::start());
        server.put_status(START_S, 4);
        let key = Credential::new(place.clone(), "s3cret".to_owned());
        assert!(!format!("{key:?}").contains("s3cret"));
        let intake = Intake::local(lake.open()).unwrap();
        let mut rig = Rig::with_key(intake, &server.url("gbfs.json"), Some(key));
        assert!(rig.poll_after(0).await.is_complete());
        for request in server.requests() {
            let carried = match &place {
                KeyPlace::Header(_) => request.headers.get("x-api-key").cloned(),
                KeyPlace::Query(_) => request.path.split("key=").nth(1).map(str::to_owned),
            };
            assert_eq!(carried.as_deref(), Some("s3cret"), "{request:?}");
        }
        // A redirect to another host is not followed with the key in hand.
        let other = elsewhere.url("station_status.json").replace("127.0.0.1", "localhost");
        let lines: &'static str = Box::leak(format!("Location: {other}\r\n").into_boxed_str());
        server.set_fault("station_status.json", Some(Fault::Status(302, lines)));
        let cycle = rig.poll_after(60).await;
        assert_eq!(row(&cycle, "station_status").outcome, "refused");
        assert!(elsewhere.requests().is_empty());
        rig.close().await;
        for (path, bytes) in lake.objects() {
            assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{path}");
        }
        assert!(!format!("{cycle:?}").contains("s3cret"));
    }
}
