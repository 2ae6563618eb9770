//! A coordinator that lies, at the door of a real node: every lie is refused for its own reason, and nothing is put aside.

use folkmoot_node::audit::{Action, Book, Record};
use folkmoot_proto::joint::{Areas, Joint};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::round::{Envelope, Mechanism, Parameters, transcript};
use folkmoot_proto::wire::v1::node_client::NodeClient;

use super::*;

/// What is sent to a node at step 0.
struct Letter {
    question: SignedQuestion,
    envelope: Envelope,
    /// Signed by the coordinator after everything else was changed.
    signed: bool,
}

impl Scene {
    fn question(&self, query: &Query, number: u8) -> SignedQuestion {
        let expires = self.clock.now().as_second() + 7200;
        let caller = ANALYST.parse().unwrap();
        let question =
            Question::new(query.clone(), QueryId::from_bytes([number; 16]), caller, "test", "6(1)(e)", expires)
                .unwrap();
        let signature = question.sign(&self.analyst.0);
        let countersigned = question.countersign(&signature, &self.coordinator.0);
        SignedQuestion {
            question,
            analyst: Signed { signature, chain: self.analyst.1.clone() },
            coordinator: Signed { signature: countersigned, chain: self.coordinator.1.clone() },
        }
    }

    /// What an honest coordinator would send.
    fn letter(&self, query: &Query, number: u8) -> Letter {
        let question = self.question(query, number);
        let cohort: Vec<String> = self.nodes.keys().map(ToString::to_string).collect();
        let parameters = Parameters::new(cohort.len(), 2, cohort.len() as u16 - 1).unwrap();
        let joint = Joint::of(query, &Areas::England).unwrap();
        let members = self.nodes.values().next().unwrap().answerer.rounds.as_ref().unwrap().members();
        let registry = *members.current().unwrap().hash();
        let now = self.clock.now().as_second() as u64;
        let signature = joint::sign_mandate(&question.question, &self.analyst.0);
        let envelope = Envelope {
            mandate: joint::mandate(&question.question, signature),
            code_lists: joint::lists_text(joint.areas()),
            period: joint::period_text(query),
            cohort,
            registry,
            plan: joint.plan(parameters.honest_floor()).unwrap(),
            colluding: parameters.colluding(),
            threshold: parameters.threshold(),
            min_survivors: parameters.min_survivors(),
            attempt: 1,
            not_before: now - 60,
            expiry: now + 600,
            step_seconds: 60,
            coordinator: COORDINATOR.to_owned(),
            signature: [0; 64],
        };
        Letter { question, envelope, signed: true }
    }

    /// One step to one node: its answer, or its refusal.
    async fn step(
        &self,
        code: CouncilCode,
        round_id: [u8; 32],
        step: u32,
        question: Option<&SignedQuestion>,
        payload: Vec<u8>,
    ) -> Result<Vec<u8>, Refusal> {
        let channel = self.hall.channel(code).unwrap();
        let chunk = wire::RoundChunk {
            round_id: round_id.to_vec(),
            step,
            offset: 0,
            payload,
            question: question.map(Into::into),
            head: None,
        };
        let sent = NodeClient::new(channel).round(futures(chunk)).await;
        let mut stream = sent.map_err(|status| Refusal::from_status(&status).unwrap())?.into_inner();
        let mut whole = Vec::new();
        loop {
            match stream.message().await.map_err(|status| Refusal::from_status(&status).unwrap())? {
                Some(piece) => whole.extend(piece.payload),
                None => return Ok(whole),
            }
        }
    }

    /// Entries of refusals in a council's log.
    fn refused(&self, code: CouncilCode) -> Vec<Record> {
        let mut seen = Vec::new();
        Book::of(&self.nodes[&code].answerer.ledger)
            .entries(1, |entry| {
                let record: Record = serde_json::from_str(&entry.body).unwrap();
                seen.extend((record.action == Action::Refused).then_some(record));
                Ok(())
            })
            .unwrap();
        seen
    }

    async fn send(&self, code: CouncilCode, letter: &Letter) -> Result<Vec<u8>, Refusal> {
        let bytes = match letter.signed {
            true => letter.envelope.clone().sign(&self.coordinator.0).encode(),
            false => letter.envelope.encode(),
        };
        self.step(code, transcript::t0(&bytes), 0, Some(&letter.question), bytes).await
    }
}

fn futures(chunk: wire::RoundChunk) -> impl tokio_stream::Stream<Item = wire::RoundChunk> + Send + 'static {
    tokio_stream::iter([chunk])
}

/// The protocol's own code for a refusal, or the reason when policy or ledger said no.
fn word(refusal: &Refusal) -> String {
    refusal.fact("round").unwrap_or(refusal.reason().code()).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_in_an_envelope_is_refused_for_its_own_reason_and_puts_nothing_aside() {
    let codes = six();
    // The policy of these nodes: c of two at least, five survivors at least, six councils at least.
    let strict =
        policy("").replace("min_cohort = 3", "min_cohort = 6").replace("min_survivors = 3", "min_survivors = 5");
    let fed = Scene::new(&codes, true, &|_| strict.clone()).await;
    let query = private();
    let me = codes[0];
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    type Lie<'a> = Box<dyn Fn(&mut Letter) + 'a>;
    let dearer = super::query(Release::JointPrivate(Rho::parse("0.006").unwrap()));
    let elsewhen = {
        let period = ReferencePeriod::inclusive("2024-04-01".parse().unwrap(), "2025-03-31".parse().unwrap()).unwrap();
        let by = ["age_band".to_owned(), "gender".to_owned()];
        Query::new("PEOPLE", period, Some(&by), &[], &[], query.data(), query.release()).unwrap()
    };
    let lies: Vec<(&str, &str, Lie<'_>)> = vec![
        (
            "who signs",
            "coordinator-signature",
            Box::new(|l| {
                l.envelope = l.envelope.clone().sign(&stranger);
                l.signed = false;
            }),
        ),
        ("the coordinator's name", "unknown-coordinator", Box::new(|l| l.envelope.coordinator.push('x'))),
        ("the analyst's signature", "analyst-signature", Box::new(|l| l.envelope.mandate.signature[3] ^= 1)),
        ("the analyst", "unknown-analyst", Box::new(|l| l.envelope.mandate.analyst.push('x'))),
        (
            "another question of the analyst's",
            "ROUND_REFUSED",
            Box::new(|l| {
                let other = fed.question(&elsewhen, 1);
                let signature = joint::sign_mandate(&other.question, &fed.analyst.0);
                l.envelope.mandate = joint::mandate(&other.question, signature);
            }),
        ),
        (
            "the statement's bytes",
            "analyst-signature",
            Box::new(|l| *l.envelope.mandate.query.last_mut().unwrap() ^= 1),
        ),
        ("the question beside the envelope", "ROUND_REFUSED", Box::new(|l| l.question = fed.question(&elsewhen, 1))),
        (
            "a price that the analyst did not sign",
            "ROUND_REFUSED",
            Box::new(|l| {
                l.envelope.plan = Joint::of(&dearer, &Areas::England).unwrap().plan(3).unwrap();
            }),
        ),
        ("the period", "ROUND_REFUSED", Box::new(|l| l.envelope.period = joint::period_text(&elsewhen))),
        ("the lists", "VERSION_MISMATCH", Box::new(|l| l.envelope.code_lists = "cld-r9; england".to_owned())),
        ("the areas", "layout-differs", Box::new(|l| l.envelope.code_lists = joint::lists_text(&Areas::Regions))),
        ("the layout", "layout-differs", Box::new(|l| l.envelope.plan.layout[0] ^= 1)),
        (
            "the mechanism",
            "ROUND_REFUSED",
            Box::new(|l| {
                l.envelope.plan.mechanism = Mechanism::Exact;
                (l.envelope.plan.grid, l.envelope.plan.sigma_nano, l.envelope.plan.rho_nano) = (1, 0, 0);
            }),
        ),
        (
            "less noise",
            "noise-too-narrow",
            Box::new(|l| l.envelope.plan.sigma_nano -= l.envelope.plan.sigma_nano / 100),
        ),
        ("a grid of three", "grid", Box::new(|l| l.envelope.plan.grid = 3)),
        ("the sensitivity", "sensitivity-differs", Box::new(|l| l.envelope.plan.max_cell += 1)),
        ("a sum that would wrap", "headroom", Box::new(|l| l.envelope.plan.max_cell = 1 << 62)),
        ("a registry of its own", "registry-differs", Box::new(|l| l.envelope.registry[0] ^= 1)),
        ("an invented council", "not-registered", Box::new(|l| l.envelope.cohort[5] = "999".to_owned())),
        (
            "a cohort without this council",
            "not-in-cohort",
            Box::new(|l| {
                // Nobody else is put in its place: the numbers are those of five.
                l.envelope.cohort.remove(0);
                l.envelope.threshold = 4;
            }),
        ),
        (
            "a shrunken cohort",
            "TOO_FEW_COUNCILS",
            Box::new(|l| {
                l.envelope.cohort.pop();
                l.envelope.threshold = 4;
            }),
        ),
        ("a council twice", "malformed", Box::new(|l| l.envelope.cohort[1] = l.envelope.cohort[0].clone())),
        (
            "fewer colluders",
            "POLICY_FORBIDS",
            Box::new(|l| {
                (l.envelope.colluding, l.envelope.threshold) = (1, 4);
                l.envelope.plan = Joint::of(&query, &Areas::England).unwrap().plan(4).unwrap();
            }),
        ),
        ("a lower threshold", "threshold", Box::new(|l| l.envelope.threshold -= 1)),
        ("fewer survivors than signatures", "parameters", Box::new(|l| l.envelope.min_survivors = 4)),
        ("attempt 0", "attempt", Box::new(|l| l.envelope.attempt = 0)),
        ("attempt 4", "attempt", Box::new(|l| l.envelope.attempt = 4)),
        ("a round that is over", "expired", Box::new(|l| l.envelope.expiry = l.envelope.not_before + 30)),
        ("a round of tomorrow", "not-yet", Box::new(|l| l.envelope.not_before += 1000)),
        ("a round for weeks", "open-too-long", Box::new(|l| l.envelope.expiry += 1_000_000)),
    ];
    let mut wrong = Vec::new();
    for (what, code, lie) in &lies {
        let mut letter = fed.letter(&query, 1);
        lie(&mut letter);
        let Err(refusal) = fed.send(me, &letter).await else {
            wrong.push(format!("{what}: taken"));
            continue;
        };
        if word(&refusal) != *code {
            wrong.push(format!("{what}: {} instead of {code}: {}", word(&refusal), refusal.sentence()));
        }
        assert_eq!(fed.spent(me), (0, 0), "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Every one of them stands in the council's own log, with who asked, what for, and who sent it.
    let entries = fed.refused(me);
    let said: BTreeSet<&str> = entries.iter().filter_map(|record| record.reason.as_deref()).collect();
    for (what, code, _) in &lies {
        assert!(said.contains(code), "{what}: no entry with {code} among {said:?}");
    }
    for record in &entries {
        assert_eq!((record.who.as_str(), record.purpose.as_deref()), (ANALYST, Some("test")), "{record:?}");
        assert!(record.query.is_some() && record.lawful_basis.is_some() && record.decision.is_some(), "{record:?}");
    }
    let narrow = entries.iter().find(|record| record.reason.as_deref() == Some("noise-too-narrow")).unwrap();
    assert_eq!(narrow.note.as_deref(), Some("what was wrong came from folkmoot://england/coordinator/main"));
    // The same lie again and again, under whatever id of a round, is no news.
    for seconds in 61..90 {
        let mut letter = fed.letter(&query, 1);
        letter.envelope.plan.layout[0] ^= 1;
        letter.envelope.step_seconds = seconds;
        assert_eq!(word(&fed.send(me, &letter).await.unwrap_err()), "layout-differs");
    }
    assert_eq!(fed.refused(me).len(), entries.len());
    let letter = fed.letter(&query, 1);
    let bytes = letter.envelope.clone().sign(&fed.coordinator.0).encode();
    let id = transcript::t0(&bytes);
    let refusal = fed.step(me, [7; 32], 0, Some(&letter.question), bytes.clone()).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::RoundRefused, "another round's id");
    for step in 1..=5 {
        let refusal = fed.step(me, id, step, None, vec![1, 2, 3]).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::RoundRefused, "step {step} of a round that it never joined");
    }
    // The truth is taken; the same again gets the same answer; the same number again, for other words, none.
    let advert = fed.send(me, &letter).await.unwrap();
    assert_eq!(fed.spent(me), (0, PRICE));
    assert_eq!(fed.send(me, &letter).await.unwrap(), advert);
    let mut other = fed.letter(&query, 1);
    other.envelope.step_seconds += 1;
    let refusal = fed.send(me, &other).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::RoundRefused, "{}", refusal.sentence());
    assert_eq!(fed.spent(me), (0, 0), "the attempt that it ends gives its price back");
    // Its keys are gone with it: nothing of the first attempt is answered any more.
    let refusal = fed.step(me, id, 1, None, vec![1, 2, 3]).await.unwrap_err();
    assert!(refusal.sentence().contains("no such round"), "{}", refusal.sentence());
    let mut second = fed.letter(&query, 1);
    second.envelope.attempt = 2;
    let fresh = fed.send(me, &second).await.unwrap();
    assert_ne!(fresh, advert, "fresh keys");
    assert_eq!(fed.spent(me), (0, PRICE));
    // Noise of a step that is no message of the protocol is refused and changes nothing.
    let id = transcript::t0(&second.envelope.clone().sign(&fed.coordinator.0).encode());
    for step in 1..=4 {
        let refusal = fed.step(me, id, step, None, vec![0; 100]).await.unwrap_err();
        assert!(["malformed", "out-of-order"].contains(&word(&refusal).as_str()), "step {step}: {}", word(&refusal));
    }
    assert_eq!(fed.spent(me), (0, PRICE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_sums_are_given_for_enough_councils_of_one_area_and_for_nobody_else() {
    let codes = six();
    let fed = Scene::new(&codes, true, &|_| policy("")).await;
    let query = super::query(Release::JointSuppressed(Profile::Hospital));
    let exact = |l: &mut Letter, areas: &Areas| {
        l.envelope.code_lists = joint::lists_text(areas);
        if let Ok(joint) = Joint::of(&query, areas) {
            l.envelope.plan = joint.plan(3).unwrap();
        }
    };
    // One board: only its own councils, else the others' zeros would hide how few they are.
    let board = Areas::Board("icb-2022".to_owned(), BoardCode::parse("QHM").unwrap());
    let mut letter = fed.letter(&query, 1);
    exact(&mut letter, &board);
    let refusal = fed.send(codes[0], &letter).await.unwrap_err();
    assert_eq!(word(&refusal), "ROUND_REFUSED", "{}", refusal.sentence());
    // Several areas at once.
    let mut letter = fed.letter(&query, 1);
    exact(&mut letter, &Areas::Regions);
    let refusal = fed.send(codes[0], &letter).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::InvalidQuestion, "{}", refusal.sentence());
    assert!(fed.send(codes[0], &fed.letter(&query, 1)).await.is_ok());
}

/// The coordinator passes the question of one board's analyst to a council of another board.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_of_another_board_is_given_no_figures_whatever_the_coordinator_passes_on() {
    let codes = six();
    let kinds = "kinds = [\"council-suppressed\", \"joint-private\", ";
    let open = policy("").replace("kinds = [\"joint-private\", ", kinds);
    let fed = Scene::new(&codes, true, &|_| open.clone()).await;
    let question = |number| {
        let query = super::query(Release::CouncilSuppressed(Profile::Hospital));
        let expires = fed.clock.now().as_second() + 7200;
        let analyst = "folkmoot://england/analyst/icb/QHM/bea".parse().unwrap();
        Question::new(query, QueryId::from_bytes([number; 16]), analyst, "test", "6(1)(e)", expires).unwrap()
    };
    let board = Geography::built_in().structure("icb-2022").unwrap().members(&BoardCode::parse("QHM").unwrap());
    assert!(codes.iter().any(|code| !board.contains(code)) && codes.iter().any(|code| board.contains(code)));
    for (code, number) in codes.iter().zip(1..) {
        let answered = fed.nodes[code].answerer.figures(&question(number));
        match answered {
            Ok(_) => assert!(board.contains(code), "{code} is in another board"),
            Err(refusal) => {
                assert!(!board.contains(code), "{}", refusal.sentence());
                assert_eq!(refusal.reason(), Reason::NotAllowed);
                assert_eq!(fed.refused(*code).len(), 1, "it is in the log");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_nothing_here_can_answer_is_in_the_log_and_so_is_one_that_nobody_signed() {
    let codes = six();
    let kinds = "kinds = [\"council-suppressed\", \"joint-private\", ";
    let open = policy("").replace("kinds = [\"joint-private\", ", kinds);
    let slots = open.replace("[release]", "[release]\nslot_seconds = 1");
    let policies = |place| match place {
        1 => String::new(),
        2 => slots.clone(),
        _ => open.clone(),
    };
    let fed = Scene::new(&codes, true, &policies).await;
    let period = ReferencePeriod::inclusive("2019-04-01".parse().unwrap(), "2020-03-31".parse().unwrap()).unwrap();
    let about = |release| {
        // As the records stood on a day when there were none.
        let data = DataRule { as_of: Some("2020-06-01".parse().unwrap()), ..DataRule::default() };
        Query::new("PEOPLE", period, Some(&[]), &[], &[], data, release).unwrap()
    };
    let me = codes[0];
    let answer = |code: CouncilCode, question: SignedQuestion| {
        let channel = fed.hall.channel(code).unwrap();
        let request = wire::AnswerRequest { question: Some((&question).into()), council: code.to_string() };
        async move {
            let status = NodeClient::new(channel).answer(request).await.err().unwrap();
            Refusal::from_status(&status).unwrap().reason()
        }
    };
    let figures = about(Release::CouncilSuppressed(Profile::Hospital));
    assert_eq!(answer(me, fed.question(&figures, 1)).await, Reason::NoData);
    let round = fed.send(me, &fed.letter(&about(private().release()), 2)).await.unwrap_err();
    assert_eq!(round.reason(), Reason::NoData, "{}", round.sentence());
    let mut forged = fed.question(&figures, 3);
    forged.analyst.signature[5] ^= 1;
    assert_eq!(answer(me, forged).await, Reason::BadSignature);
    let entries = fed.refused(me);
    let told: Vec<_> = entries
        .iter()
        .map(|record| (record.who.as_str(), record.reason.as_deref().unwrap(), record.purpose.as_deref()))
        .collect();
    let expected =
        [(ANALYST, "NO_DATA", Some("test")), (ANALYST, "NO_DATA", Some("test")), (COORDINATOR, "BAD_SIGNATURE", None)];
    assert_eq!(told, expected);
    assert_eq!((entries[0].attempt, entries[1].attempt), (None, Some(1)));
    // A council that answers in slots refuses in slots, too. (A slow machine can only make it later.)
    let asked = std::time::Instant::now();
    assert_eq!(answer(codes[2], fed.question(&figures, 1)).await, Reason::NoData);
    assert!(asked.elapsed() >= std::time::Duration::from_secs(1));
    // A council whose policy is off says that, whether or not it has data.
    assert_eq!(answer(codes[1], fed.question(&figures, 1)).await, Reason::PolicyOff);
    assert_eq!(fed.refused(codes[1])[0].reason.as_deref(), Some("POLICY_OFF"));
}
