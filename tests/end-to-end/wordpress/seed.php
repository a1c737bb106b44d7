<?php
// Fills the site as a company would have over some years, through WordPress's own functions.
// Sizes come from the environment; the same SEED gives the same text.

define('WP_IMPORTING', true); // No pings, no notices: as WordPress's own importer does.
require __DIR__ . '/boot.php';
require __DIR__ . '/text.php';
require __DIR__ . '/files.php';

$sizes = ['posts' => size('POSTS', 2000), 'pages' => size('PAGES', 50), 'cases' => size('CASES', 40),
    'leads' => size('LEADS', 20), 'media' => size('MEDIA', 200), 'comments' => size('COMMENTS', 500),
    'users' => size('USERS', 12), 'categories' => size('CATEGORIES', 30), 'tags' => size('TAGS', 60),
    'industries' => size('INDUSTRIES', 8)];
$seed = size('SEED', 1);
mt_srand($seed);
if (get_option('acme_seeded')) {
    fwrite(STDERR, "this site is seeded already; seed a new one\n");
    exit(1);
}

global $wpdb;
$clock = microtime(true);
$timing = [];
/** Notes how long a part took. */
function lap(string $part): void
{
    global $clock, $timing;
    $timing[$part] = round(microtime(true) - $clock, 2);
    $clock = microtime(true);
}

/** A moment of the last two years, site time; never in the last hour, so that later edits stand out. */
function moment(): string
{
    return wp_date('Y-m-d H:i:s', time() - mt_rand(3600, 2 * 365 * 86400));
}

wp_defer_term_counting(true);
wp_defer_comment_counting(true);
$wpdb->query('SET autocommit = 0');
$wpdb->query('START TRANSACTION');

// Settings first: the time zone decides every date after it.
$timezone = getenv('TIMEZONE') ?: 'Europe/Berlin';
foreach (['blogname' => 'Acme & Söhne “GmbH”', 'blogdescription' => 'Tools since 1927', 'timezone_string' => $timezone,
    'gmt_offset' => '', 'date_format' => 'Y-m-d', 'time_format' => 'H:i', 'start_of_week' => 1, 'posts_per_page' => 12,
    'default_comment_status' => 'open', 'acme_notes_greeting' => 'Grüß Gott'] as $option => $value) {
    update_option($option, $value);
}
sure(activate_plugin('acme-notes/acme-notes.php') === null, 'activating acme-notes');

// People. The first administrator is the installer's.
$roles = ['editor', 'author', 'administrator', 'contributor', 'subscriber', 'author', 'editor', 'subscriber', 'author',
    'contributor', 'subscriber'];
$names = ['Zoë Ångström', 'Jürgen Groß', 'Nguyễn Thị Minh', "Siobhán O'Brien", '山田 太郎', 'Олена Шевченко', 'Ana "Nita" Díaz'];
$authors = [1];
$editor = 0;
for ($i = 1; $i < $sizes['users']; $i++) {
    $role = $roles[($i - 1) % count($roles)];
    $id = sure(wp_insert_user(['user_login' => "person$i", 'user_pass' => bin2hex(random_bytes(12)),
        'user_email' => "person$i@acme.example", 'display_name' => $names[$i % count($names)], 'role' => $role,
        'description' => words(12), 'user_url' => "https://acme.example/people/$i",
        'user_registered' => gmdate('Y-m-d H:i:s', time() - $i * 86400 * 30)]), "user $i");
    update_user_meta($id, 'acme_phone', '+49 30 ' . mt_rand(100000, 999999));
    if (in_array($role, ['editor', 'author', 'administrator'], true)) {
        $authors[] = $id;
    }
    $editor = $editor ?: ($role === 'editor' ? $id : 0);
}
/** Creates an application password and leaves its secret in the site's folder, readable by its owner only. */
function application_password(int $user, string $file): void
{
    global $site_dir;
    [$secret] = sure(WP_Application_Passwords::create_new_application_password($user, ['name' => 'Seatbelt']), 'application password');
    $login = get_userdata($user)->user_login;
    touch("$site_dir/$file");
    chmod("$site_dir/$file", 0600);
    file_put_contents("$site_dir/$file", json_encode(['username' => $login,
        'application_password' => WP_Application_Passwords::chunk_password($secret)]) . "\n");
}
application_password(1, 'secret.json');
if ($editor) {
    application_password($editor, 'editor.secret.json');
}
lap('users');

// Terms, nested three deep.
/** Creates `$count` terms of a taxonomy; every one but each third has a parent when `$nested`. */
function terms(string $taxonomy, int $count, bool $nested): array
{
    $ids = [];
    for ($i = 1; $i <= $count; $i++) {
        $parent = $nested && $i % 3 !== 1 && $ids ? $ids[count($ids) - 1] : 0;
        $term = sure(wp_insert_term(ucfirst(words(2)) . " $taxonomy $i", $taxonomy, ['parent' => $parent,
            'description' => $i % 2 ? words(10) : '']), "$taxonomy $i");
        $ids[] = $term['term_id'];
    }
    return $ids;
}
$categories = terms('category', $sizes['categories'], true);
$tags = terms('post_tag', $sizes['tags'], false);
$industries = terms('acme_industry', $sizes['industries'], true);
foreach ($categories as $i => $id) {
    if ($i % 4 === 0) {
        update_term_meta($id, 'acme_colour', sprintf('#%06x', mt_rand(0, 0xffffff)));
    }
}
lap('terms');

// Files, before the posts that show them.
$media = [];
for ($i = 1; $i <= $sizes['media']; $i++) {
    $date = moment();
    $media[] = upload($i, ['post_date' => $date, 'post_author' => pick($authors), 'month' => substr($date, 0, 4) . '/' . substr($date, 5, 2)]);
}
// The last tenth of them is shown nowhere, so that a file can be deleted without touching a post.
$shown = array_slice($media, 0, max(1, (int) (count($media) * 0.9)));
$pictures = array_values(array_filter($shown, 'wp_attachment_is_image'));
lap('media');

// Posts.
const STATUSES = ['publish', 'publish', 'publish', 'publish', 'publish', 'publish', 'draft', 'pending', 'private', 'future'];
$posts = [];
$revised = [];
for ($i = 1; $i <= $sizes['posts']; $i++) {
    $status = STATUSES[$i % 10];
    $terms = ['category' => array_slice($categories, mt_rand(0, max(0, count($categories) - 3)), mt_rand(1, 3)),
        'post_tag' => array_slice($tags, mt_rand(0, max(0, count($tags) - 5)), mt_rand(0, 5))];
    $post = ['post_title' => title($i), 'post_content' => content($i), 'post_status' => $status,
        'post_author' => pick($authors), 'post_date' => $status === 'future' ? wp_date('Y-m-d H:i:s', time() + mt_rand(1, 90) * 86400) : moment(),
        'post_excerpt' => $i % 3 === 0 ? words(15) : '', 'post_category' => $terms['category'],
        'tags_input' => array_map('intval', $terms['post_tag']), 'comment_status' => $i % 7 ? 'open' : 'closed'];
    if ($i % 97 === 0) {
        $post['post_password'] = 'sesame';
    }
    $id = sure(wp_insert_post(wp_slash($post), true), "post $i");
    if ($pictures && $i % 4 === 0) {
        set_post_thumbnail($id, pick($pictures));
    }
    if ($i % 5 === 0) {
        update_post_meta($id, 'acme_source', "Import “{$i}” \\ 'x'");
        update_post_meta($id, 'acme_rating', $i / 7);
        add_post_meta($id, 'acme_tokens', "a$i");
        add_post_meta($id, 'acme_tokens', "b$i");
        update_post_meta($id, '_acme_private', 'not registered: not in the REST API');
    }
    if ($i % 25 === 0) {
        set_post_format($id, 'quote');
    }
    if ($i % 6 === 0 && $sizes['industries']) {
        wp_set_object_terms($id, pick($industries), 'acme_industry');
    }
    if ($status === 'publish' && $i % 400 === 1) {
        stick_post($id);
    }
    if ($status === 'publish' && $i % 40 === 2) {
        $revised[] = $id;
    }
    $posts[] = $id;
}
lap('posts');

// Revisions, by editing; this moves the modified date to now, as it does in life.
foreach ($revised as $id) {
    foreach ([1, 2] as $turn) {
        sure(wp_update_post(wp_slash(['ID' => $id, 'post_content' => get_post($id)->post_content . "\n\n" . paragraph()]), true), "revision $id");
    }
}
lap('revisions');

// Pages and case studies are trees.
/** Creates `$count` posts of a hierarchical type, three levels deep. */
function tree(string $type, int $count, array $authors, array $extra = []): array
{
    $ids = [];
    for ($i = 1; $i <= $count; $i++) {
        $ids[] = sure(wp_insert_post(wp_slash(['post_type' => $type, 'post_title' => title($i), 'post_content' => content($i + 1),
            'post_status' => ['publish', 'publish', 'draft', 'private', 'publish', 'pending'][$i % 6], 'post_author' => pick($authors),
            'post_parent' => $i % 4 === 1 || !$ids ? 0 : $ids[count($ids) - 1], 'menu_order' => $i, 'post_date' => moment()] + $extra), true), "$type $i");
    }
    return $ids;
}
$pages = tree('page', $sizes['pages'], $authors, ['comment_status' => 'closed']);
$cases = tree('acme_case', $sizes['cases'], $authors);
foreach ($cases as $i => $id) {
    if ($sizes['industries']) {
        wp_set_object_terms($id, [pick($industries)], 'acme_industry');
    }
    update_post_meta($id, 'acme_rating', $i + 0.25);
}
for ($i = 1; $i <= $sizes['leads']; $i++) {
    sure(wp_insert_post(['post_type' => 'acme_lead', 'post_title' => "Lead $i", 'post_content' => words(30), 'post_status' => 'publish'], true), "lead $i");
}
if (count($pages) > 4) {
    update_option('show_on_front', 'page');
    update_option('page_on_front', $pages[0]);
    update_option('page_for_posts', $pages[4]);
}
lap('pages');

// Comments: as many of each status, some answering others, a few pingbacks.
$open = array_values(array_filter($posts, fn ($id) => get_post_status($id) === 'publish'));
$members = get_users(['fields' => 'ID']);
if ($open) {
    foreach (['1', '0', 'spam', 'trash'] as $status) {
        $last = 0;
        for ($i = 1; $i <= $sizes['comments']; $i++) {
            $answer = $last && $i % 3 === 0;
            $post = $answer ? (int) get_comment($last)->comment_post_ID : pick($open);
            $user = $i % 5 === 0 ? (int) pick($members) : 0;
            $moment = moment();
            $last = sure(wp_insert_comment(wp_slash(['comment_post_ID' => $post, 'comment_parent' => $answer ? $last : 0,
                'comment_approved' => $status, 'comment_author' => $user ? get_userdata($user)->display_name : "Visitor $i",
                'comment_author_email' => "visitor$i@example.org", 'comment_author_url' => $i % 4 ? '' : 'https://example.org/',
                'comment_author_IP' => '192.0.2.' . ($i % 250), 'comment_agent' => 'Mozilla/5.0', 'user_id' => $user,
                'comment_type' => $status === '1' && $i % 50 === 0 ? 'pingback' : 'comment',
                'comment_content' => words(mt_rand(3, 40)) . ($i % 9 ? '' : ' ' . pick(ODDITIES)),
                'comment_date' => $moment, 'comment_date_gmt' => get_gmt_from_date($moment)])), "comment $i");
            if ($status === 'spam' || $status === 'trash') {
                update_comment_meta($last, '_wp_trash_meta_status', '1');
            }
        }
    }
}
lap('comments');

// The trash, the way things get there; their comments go with them.
$trashed = 0;
foreach ($posts as $i => $id) {
    if (in_array($i % 40, [1, 8], true)) { // Published ones and scheduled ones.
        sure(wp_trash_post($id), "trashing $id");
        $trashed++;
    }
}
lap('trash');

// Classic menus.
foreach (['Main “menu”' => 'acme_main', 'Footer' => 'acme_footer'] as $name => $location) {
    $menu = sure(wp_create_nav_menu($name), "menu $name");
    $parent = 0;
    foreach (array_slice($pages, 0, 5) as $i => $page) {
        $item = sure(wp_update_nav_menu_item($menu, 0, ['menu-item-type' => 'post_type', 'menu-item-object' => 'page',
            'menu-item-object-id' => $page, 'menu-item-status' => 'publish', 'menu-item-position' => $i + 1,
            'menu-item-parent-id' => $i % 2 ? $parent : 0]), "menu item $i");
        $parent = $item;
    }
    sure(wp_update_nav_menu_item($menu, 0, ['menu-item-title' => 'Elsewhere', 'menu-item-url' => 'https://example.org/?a=1&b=2',
        'menu-item-status' => 'publish', 'menu-item-position' => 9, 'menu-item-target' => '_blank', 'menu-item-classes' => 'a b']), 'menu link');
    if ($categories) {
        sure(wp_update_nav_menu_item($menu, 0, ['menu-item-type' => 'taxonomy', 'menu-item-object' => 'category',
            'menu-item-object-id' => $categories[0], 'menu-item-status' => 'draft', 'menu-item-position' => 10]), 'menu category');
    }
    $locations = get_theme_mod('nav_menu_locations', []);
    $locations[$location] = $menu;
    set_theme_mod('nav_menu_locations', $locations);
}

// What the site editor keeps in the database.
foreach (['Call to action', 'Opening hours'] as $title) {
    sure(wp_insert_post(['post_type' => 'wp_block', 'post_title' => $title, 'post_content' => paragraph(), 'post_status' => 'publish'], true), $title);
}
sure(wp_insert_post(['post_type' => 'wp_navigation', 'post_title' => 'Navigation', 'post_status' => 'publish',
    'post_content' => '<!-- wp:navigation-link {"label":"Home","url":"/"} /--><!-- wp:page-list /-->'], true), 'navigation');
$theme = get_stylesheet();
$template = sure(wp_insert_post(['post_type' => 'wp_template', 'post_name' => 'single', 'post_title' => 'Single', 'post_status' => 'publish',
    'post_excerpt' => 'Changed by hand', 'post_content' => '<!-- wp:post-title /--><!-- wp:post-content /-->'], true), 'template');
sure(wp_set_object_terms($template, $theme, 'wp_theme'), 'template theme');
$part = sure(wp_insert_post(['post_type' => 'wp_template_part', 'post_name' => 'acme-header', 'post_title' => 'Acme header',
    'post_status' => 'publish', 'post_content' => '<!-- wp:site-title /-->'], true), 'template part');
sure(wp_set_object_terms($part, $theme, 'wp_theme'), 'part theme');
sure(wp_set_object_terms($part, 'header', 'wp_template_part_area'), 'part area');
$styles = sure(WP_Theme_JSON_Resolver::get_user_global_styles_post_id(), 'global styles');
sure(wp_update_post(wp_slash(['ID' => $styles, 'post_content' => wp_json_encode(['version' => 2, 'isGlobalStylesUserThemeJSON' => true,
    'settings' => ['color' => ['palette' => ['custom' => [['name' => 'Acme', 'slug' => 'acme', 'color' => '#ff6600']]]]],
    'styles' => ['color' => ['background' => '#fffdf5']]])]), true), 'global styles');
set_theme_mod('custom_logo', $media[0] ?? 0);

// Widgets.
update_option('widget_block', [2 => ['content' => paragraph()], 3 => ['content' => '<!-- wp:search /-->'], '_multiwidget' => 1]);
update_option('widget_text', [1 => ['title' => 'About', 'text' => 'Acme “since” 1927', 'filter' => true, 'visual' => true], '_multiwidget' => 1]);
wp_set_sidebars_widgets(['acme-sidebar' => ['block-2', 'text-1'], 'wp_inactive_widgets' => ['block-3']]);
lap('site editor');

wp_defer_term_counting(false);
wp_defer_comment_counting(false);
update_option('acme_seeded', 1);
$wpdb->query('COMMIT');
flush_rewrite_rules(false);
lap('counting');
print_json(['sizes' => $sizes, 'trashed' => $trashed, 'seconds' => $timing + ['total' => round(array_sum($timing), 2)]]);
