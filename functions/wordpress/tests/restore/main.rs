//! The four incidents on a simulated site, undone; and what a restore of every kind of record comes to.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::{collections::BTreeSet, time::Duration};

use seatbelt_conformance::{Plan, Rig, Setup};
use seatbelt_engine::{Action, EngineError, Selection, Verdict};
use seatbelt_model::{Clock as _, RunStatus, SnapshotId};
use seatbelt_platforms::{
    SimClock,
    wordpress::{Counts, Role, Site, WordPress},
};
use seatbelt_wordpress::WORDPRESS;
use serde_json::{Map, Value, json};

const COUNTS: Counts = Counts {
    posts: 60,
    pages: 8,
    books: 7,
    media: 6,
    media_bytes: 2_000,
    comments: 30,
    users: 3,
    terms: 4,
    words: 12,
    orders: 0,
    products: 0,
};

/// A site that is backed up.
struct Stand {
    vendor: WordPress,
    clock: SimClock,
    rig: Rig,
    good: SnapshotId,
}

impl Stand {
    async fn new(counts: &Counts, prepare: impl FnOnce(&Site)) -> Self {
        Self::with_role(counts, Role::Administrator, prepare).await
    }

    async fn with_role(counts: &Counts, role: Role, prepare: impl FnOnce(&Site)) -> Self {
        let clock = SimClock::default();
        let site = Site::generate_at(7, counts, clock.clone());
        prepare(&site);
        let vendor = WordPress::start(site).await;
        let password = vendor.site.application_password(role);
        let rig = Rig::of(&Setup {
            connector: &WORDPRESS,
            settings: json!({"base_url": vendor.server.url(), "requests_per_second": 10_000}),
            secret: Some(json!({"username": role.login(), "application_password": password})),
            include: &[],
            exclude: &[],
            vendor: &clock,
            at: clock.now(),
        })
        .await;
        let mut stand = Self {
            vendor,
            clock,
            rig,
            good: SnapshotId::at(jiff::Timestamp::UNIX_EPOCH),
        };
        stand.good = stand.back_up().await;
        stand
    }

    fn site(&self) -> &Site {
        &self.vendor.site
    }

    fn meet(&self) {
        let behind = self.clock.now().duration_since(self.rig.clock.now());
        self.rig.clock.advance(Duration::try_from(behind).unwrap_or_default());
    }

    /// A full backup: what is deleted leaves no trace for any other.
    async fn back_up(&self) -> SnapshotId {
        self.clock.advance(Duration::from_secs(120));
        self.meet();
        let run = self.rig.back_up(true).await.unwrap();
        assert!(
            matches!(run.status, RunStatus::Complete | RunStatus::Partial),
            "{run:?}"
        );
        self.clock.advance(Duration::from_secs(120));
        self.meet();
        run.snapshot.unwrap()
    }

    async fn plan(&self, wanted: SnapshotId, spoiled: SnapshotId) -> Plan {
        self.rig.plan(wanted, spoiled, Selection::default()).await.unwrap()
    }

    /// Carries a plan out; nothing may fail or read back otherwise than written.
    async fn apply(&self, plan: &Plan) -> SnapshotId {
        self.meet();
        let (restored, dones) = self.rig.apply(plan).await.unwrap();
        let bad: Vec<_> = dones
            .iter()
            .filter(|done| matches!(done.result, Verdict::Failed | Verdict::Differs))
            .collect();
        assert!(
            bad.is_empty(),
            "{} of {}: {:?}",
            bad.len(),
            dones.len(),
            &bad[..bad.len().min(5)]
        );
        restored.run.id
    }

    /// What a fresh backup leaves to give back.
    async fn left(&self) -> Vec<(String, String, Action, Vec<String>)> {
        let now = self.back_up().await;
        left(&self.plan(self.good, now).await)
    }
}

fn left(plan: &Plan) -> Vec<(String, String, Action, Vec<String>)> {
    let fields = |step: &seatbelt_engine::Step| {
        let all = step.fields.iter().chain(&step.kept);
        all.map(|field| field.field.clone()).collect()
    };
    plan.steps
        .iter()
        // Links say once more what stands already.
        .filter(|step| !matches!(step.action, Action::Fine | Action::Link))
        .map(|step| (step.resource.clone(), step.key.clone(), step.action, fields(step)))
        .collect()
}

fn nothing(left: &[(String, String, Action, Vec<String>)]) {
    assert!(left.is_empty(), "{} left: {:?}", left.len(), &left[..left.len().min(6)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_pages_come_back_with_pictures_and_comments() {
    let stand = Stand::new(&COUNTS, |site| {
        let (pages, media) = (site.ids("page"), site.ids("attachment"));
        // Only those that will be deleted: the text of a page that nobody harmed is not rewritten.
        for (page, picture) in pages.iter().take(4).zip(&media) {
            assert!(site.edit_post(*page, |page| {
                page.status = "publish".into();
                page.featured_media = *picture;
                page.content = format!(
                    "<!-- wp:image {{\"id\":{picture}}} --><img class=\"wp-image-{picture}\"><!-- /wp:image -->"
                );
            }));
            let first = site.comment(*page, 0, "Reader", &format!("First on {page}"), "approved");
            site.comment(*page, first, "Another", &format!("Answer on {page}"), "hold");
        }
    })
    .await;
    let site = stand.site();
    let (pages, media) = (site.ids("page"), site.ids("attachment"));
    let bytes: BTreeSet<_> = media.iter().map(|id| site.media_bytes(*id).unwrap()).collect();
    for id in pages[..4].iter().chain(&media) {
        assert!(site.delete(*id));
    }
    let bad = stand.back_up().await;
    let plan = stand.plan(stand.good, bad).await;
    for (resource, count) in [("pages", 4), ("media", media.len())] {
        assert_eq!(
            plan.of(Action::Create).filter(|step| step.resource == resource).count(),
            count
        );
    }
    let run = stand.apply(&plan).await;
    nothing(&stand.left().await);
    let new: BTreeSet<_> = site
        .ids("attachment")
        .iter()
        .map(|id| site.media_bytes(*id).unwrap())
        .collect();
    assert_eq!(new, bytes);
    let mut shown = 0;
    for id in site.ids("page") {
        let page = site.post(id).unwrap();
        if page.content.contains("wp-image-") {
            shown += 1;
            assert!(site.post(page.featured_media).is_some(), "page {id} has its picture");
            assert!(
                page.content.contains(&format!("wp-image-{}\"", page.featured_media)),
                "{}",
                page.content
            );
        }
    }
    assert_eq!(shown, 4);
    let undo = stand.rig.plan_undo(run).await.unwrap();
    stand.apply(&undo).await;
    let after = stand.back_up().await;
    nothing(&left(&stand.plan(bad, after).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_and_replace_is_undone_and_later_edits_are_kept() {
    let stand = Stand::new(&COUNTS, |_| {}).await;
    let site = stand.site();
    let posts = site.ids("post")[..50].to_vec();
    for post in &posts {
        assert!(site.edit_post(*post, |post| post.content.push_str("SPOILED")));
    }
    let bad = stand.back_up().await;
    posts[..20]
        .iter()
        .for_each(|post| assert!(site.edit_post(*post, |post| post.excerpt = "By hand".into())));
    posts[20..25]
        .iter()
        .for_each(|post| assert!(site.edit_post(*post, |post| post.content = "Anew".into())));
    let plan = stand.plan(stand.good, bad).await;
    assert_eq!(
        (plan.of(Action::Update).count(), plan.of(Action::Conflict).count()),
        (45, 5)
    );
    stand.apply(&plan).await;
    let left = stand.left().await;
    let by_hand: Vec<&str> = left
        .iter()
        .flat_map(|(.., fields)| fields)
        .map(String::as_str)
        .collect();
    assert_eq!(by_hand.iter().filter(|field| **field == "/excerpt/raw").count(), 20);
    assert_eq!(by_hand.iter().filter(|field| **field == "/content/raw").count(), 5);
    assert_eq!(by_hand.len(), 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authors_and_dates_that_an_import_overwrote_are_given_back() {
    let stand = Stand::new(&COUNTS, |_| {}).await;
    let site = stand.site();
    let published = |id: &u64| site.post(*id).is_some_and(|post| post.status == "publish");
    let posts: Vec<u64> = site.ids("post").into_iter().filter(published).take(20).collect();
    for post in &posts {
        assert!(site.edit_post(*post, |post| {
            post.author = 1;
            post.date_gmt = Some("2026-01-02T02:04:05Z".parse().unwrap());
            post.date = jiff::civil::date(2026, 1, 2).at(3, 4, 5, 0);
        }));
    }
    let bad = stand.back_up().await;
    let plan = stand.plan(stand.good, bad).await;
    assert_eq!(plan.of(Action::Update).count(), posts.len());
    stand.apply(&plan).await;
    nothing(&stand.left().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn styles_menus_and_settings_are_put_back() {
    let stand = Stand::new(&COUNTS, |site| {
        site.customize_template("wp_template", "single", "<!-- wp:post-content /-->");
    })
    .await;
    let site = stand.site();
    site.set_option("title", "Hacked");
    site.set_option("posts_per_page", 3);
    site.customize_template("wp_template", "single", "<!-- gone -->");
    let styles = site.ids("wp_global_styles")[0];
    assert!(site.edit_silently(styles, |post| _ =
        post.extra.insert("styles".into(), json!({"color": {"text": "#f0f"}}))));
    let menu = site.with(|state| *state.terms["nav_menu"].keys().next().unwrap());
    let in_menu = |id: &u64| {
        site.post(*id)
            .is_some_and(|item| item.terms.get("nav_menu") == Some(&vec![menu]))
    };
    let items: Vec<u64> = site.ids("nav_menu_item").into_iter().filter(in_menu).collect();
    items.iter().for_each(|item| assert!(site.delete(*item)));
    assert!(site.delete_term("nav_menu", menu));
    let bad = stand.back_up().await;
    let plan = stand.plan(stand.good, bad).await;
    stand.apply(&plan).await;
    nothing(&stand.left().await);
    assert_ne!(site.option("title"), Some("Hacked".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_into_the_trash_comes_out_of_it_and_goes_back() {
    let stand = Stand::new(&COUNTS, |_| {}).await;
    let site = stand.site();
    let published = |id: &u64| site.post(*id).is_some_and(|post| post.status == "publish");
    let posts: Vec<u64> = site.ids("post").into_iter().filter(published).take(3).collect();
    posts.iter().for_each(|post| assert!(site.trash(*post)));
    let bad = stand.back_up().await;
    let run = stand.apply(&stand.plan(stand.good, bad).await).await;
    nothing(&stand.left().await);
    stand.apply(&stand.rig.plan_undo(run).await.unwrap()).await;
    assert!(posts.iter().all(|post| site.post(*post).unwrap().status == "trash"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_s_records_come_back() {
    let counts = Counts {
        orders: 9,
        products: 11,
        ..COUNTS
    };
    let stand = Stand::new(&counts, |_| {}).await;
    let now = stand.clock.now();
    stand.site().with_shop(|shop| {
        let ids = |shop: &seatbelt_platforms::wordpress::Woo, table: &str| -> Vec<u64> {
            shop.tables[table].keys().copied().collect()
        };
        let products = ids(shop, "products");
        assert!(shop.delete("products", products[1]));
        assert!(shop.edit("products", products[2], now, |product| _ =
            product.insert("regular_price".into(), "1.00".into())));
        let coupon = ids(shop, "coupons")[0];
        assert!(shop.delete("coupons", coupon));
        let customer = ids(shop, "customers")[0];
        assert!(shop.edit("customers", customer, now, |customer| _ =
            customer.insert("first_name".into(), "Wrong".into())));
        let setting: &mut Map<String, Value> = &mut shop.lists.get_mut("settings/general").unwrap()[0];
        setting.insert("value".into(), "USD".into());
    });
    let bad = stand.back_up().await;
    stand.apply(&stand.plan(stand.good, bad).await).await;
    nothing(&stand.left().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editor_is_told_what_he_lacks_before_the_first_write() {
    let stand = Stand::with_role(&COUNTS, Role::Editor, |_| {}).await;
    let admin = stand.site();
    let page = admin.ids("page")[0];
    assert!(admin.edit_post(page, |page| page.title = "Wrong".into()));
    let bad = stand.back_up().await;
    let mut plan = stand.plan(stand.good, bad).await;
    let before = stand.vendor.server.request_count();
    for step in &mut plan.steps {
        step.resource = "menus".into();
    }
    let refused = stand.rig.apply(&plan).await.unwrap_err();
    assert!(matches!(refused, EngineError::MayNotWrite { .. }), "{refused}");
    assert!(refused.to_string().contains("edit_theme_options"), "{refused}");
    let sent = stand.vendor.server.requests();
    assert!(
        sent[usize::try_from(before).unwrap()..]
            .iter()
            .all(|request| request.method == "GET")
    );
}
