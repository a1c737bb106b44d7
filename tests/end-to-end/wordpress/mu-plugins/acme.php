<?php
/**
 * Plugin Name: Acme
 * Description: What a company's own site adds to WordPress: content types, a taxonomy, fields, menus, a sidebar.
 * Version: 1.2.0
 */

add_action('init', function () {
    register_post_type('acme_case', [
        'label' => 'Case studies',
        'public' => true,
        'has_archive' => true,
        'hierarchical' => true,
        'show_in_rest' => true,
        'rest_base' => 'case-studies',
        'supports' => ['title', 'editor', 'excerpt', 'author', 'thumbnail', 'custom-fields', 'revisions', 'page-attributes'],
        'rewrite' => ['slug' => 'case'],
    ]);
    // A type of the kind that backups over REST cannot see.
    register_post_type('acme_lead', [
        'label' => 'Leads',
        'public' => false,
        'show_ui' => true,
        'show_in_rest' => false,
        'supports' => ['title', 'editor'],
    ]);
    register_taxonomy('acme_industry', ['acme_case', 'post'], [
        'label' => 'Industries',
        'hierarchical' => true,
        'show_in_rest' => true,
        'rest_base' => 'industries',
    ]);
    foreach (['post', 'acme_case'] as $type) {
        register_post_meta($type, 'acme_source', ['type' => 'string', 'single' => true, 'show_in_rest' => true]);
        register_post_meta($type, 'acme_rating', ['type' => 'number', 'single' => true, 'show_in_rest' => true]);
        register_post_meta($type, 'acme_tokens', ['type' => 'string', 'single' => false, 'show_in_rest' => true]);
    }
    register_term_meta('category', 'acme_colour', ['type' => 'string', 'single' => true, 'show_in_rest' => true]);
    register_meta('user', 'acme_phone', ['type' => 'string', 'single' => true, 'show_in_rest' => true]);
    // A shortcode whose output differs on every reading: the rendered content moves, the raw content does not.
    add_shortcode('acme_clock', fn () => '<time>' . sprintf('%.6F', microtime(true)) . '</time>');
    add_shortcode('acme_form', fn () => '<form>' . wp_nonce_field('acme', '_acme', true, false) . '</form>');
});

add_action('after_setup_theme', function () {
    register_nav_menus(['acme_main' => 'Main menu', 'acme_footer' => 'Footer menu']);
    add_theme_support('post-formats', ['aside', 'gallery', 'link', 'quote']);
});

add_action('widgets_init', function () {
    register_sidebar(['id' => 'acme-sidebar', 'name' => 'Sidebar', 'description' => 'Beside every article']);
});
