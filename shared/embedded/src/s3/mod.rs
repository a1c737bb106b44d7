//! S3: bytes in files, one row per object in SQLite, and the protocol by `s3s`.
//!
//! The order that makes it safe: the body goes to a new file, the file to the disk, every checksum is compared, one
//! transaction evaluates the conditions and replaces the row, and only then the superseded file is deleted. Whatever
//! the moment of a crash, each row names a whole file; files without a row are collected at the next opening.

mod checks;
mod data;
mod failure;
mod index;
mod list;
mod multipart;
mod naming;
mod objects;
mod read;
mod target;
mod time;
mod upload;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto as d;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::sync::Semaphore;
use tracing::instrument::WithSubscriber;

use crate::connector::{Service, malformed};
use crate::fault::Named;
use crate::lock::HomeLock;
use crate::{BUCKET, Clock, EmbeddedError, folder};
use data::DataFolder;
use index::Index;

/// Requests are signed with these. They guard nothing: who can call this code can read the folder.
pub(crate) const ACCESS_KEY: &str = "embedded";
pub(crate) const SECRET_KEY: &str = "embedded";

/// What all requests share. It keeps the folder locked, as its clients may outlive [`crate::Embedded`].
pub(crate) struct Store {
    index: Index,
    data: DataFolder,
    clock: Clock,
    /// A body that is being received holds a thread until it is complete. Were there no limit, bodies that wait for
    /// a thread themselves, to read a file say, could wait for ever.
    receiving: Arc<Semaphore>,
    _lock: Arc<HomeLock>,
}

/// Bodies received at a time; far fewer than the threads the runtime has for waiting.
const RECEIVED_AT_A_TIME: usize = 64;

impl Store {
    fn open(home: &Path, durable: bool, clock: Clock, lock: Arc<HomeLock>) -> Result<Self, EmbeddedError> {
        let root = home.join("s3");
        folder::create(&root)?;
        let data = DataFolder::open(root.join("data"), durable)?;
        let index = Index::open(home, root.join("index.sqlite"), durable)?;
        let collected = data.collect_orphans(&index.files()?)?;
        if collected > 0 {
            tracing::info!(collected, "deleted files that an interrupted process had left");
        }
        let receiving = Arc::new(Semaphore::new(RECEIVED_AT_A_TIME));
        let store = Self {
            index,
            data,
            clock,
            receiving,
            _lock: lock,
        };
        let now_ms = store.now_ms();
        store
            .index
            .write(|db| index::create_bucket(db, BUCKET, now_ms))
            .map_err(|e| EmbeddedError::Database {
                path: root.join("index.sqlite"),
                message: e.message().unwrap_or_default().to_owned(),
            })?;
        Ok(store)
    }

    fn now_ms(&self) -> i64 {
        (self.clock)().as_millisecond()
    }

    /// Starts `work` on a thread that may wait for the disk, at once; the future only waits for it.
    fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> S3Result<T> + Send + 'static,
    ) -> impl Future<Output = S3Result<T>> + Send {
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || work(&store));
        async move {
            task.await
                .map_err(|e| s3_error!(e, InternalError, "the request was dropped by the runtime"))?
        }
    }
}

/// The store behind its protocol.
pub(crate) struct S3Engine {
    service: S3Service,
}

impl S3Engine {
    pub(crate) fn open(home: &Path, durable: bool, clock: Clock, lock: Arc<HomeLock>) -> Result<Self, EmbeddedError> {
        let store = Arc::new(Store::open(home, durable, clock, lock)?);
        let mut builder = S3ServiceBuilder::new(Requests(store));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        // Client and server share one clock, so a signature can only look old when the machine slept in between.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Ok(Self {
            service: builder.build(),
        })
    }
}

impl Service for S3Engine {
    const NAME: &'static str = "s3";

    fn name(request: &HttpRequest) -> Named {
        naming::name(request)
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request.try_into_http1x().map_err(malformed)?;
        let host = request
            .uri()
            .authority()
            .map_or("", http::uri::Authority::as_str)
            .parse()
            .map_err(malformed)?;
        request.headers_mut().insert(http::header::HOST, host);
        let is_head = request.method() == http::Method::HEAD;
        let call = self.service.call(request.map(s3s::Body::http_body));
        // The protocol crate logs requests with their keys, which may name customers, and some refusals as errors. The
        // caller gets each refusal as an answer, and decides what of it is worth a line.
        let response = call.with_subscriber(tracing::Dispatch::none()).await;
        let response = response.map_err(|e| ConnectorError::other(e.into(), None))?;
        let response = response.map(|body| match body.bytes() {
            // An answer to HEAD has no body on any wire; the SDK reads "not found" from its absence.
            _ if is_head => SdkBody::empty(),
            Some(bytes) => SdkBody::from(bytes),
            None => SdkBody::from_body_1_x(body),
        });
        HttpResponse::try_from(response).map_err(malformed)
    }
}

/// The operations, each told in its own module. All others answer `NotImplemented`.
struct Requests(Arc<Store>);

/// One line per operation: its name, its types, and the function that does it.
macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident = $path:path;)*) => {
        #[async_trait::async_trait]
        impl S3 for Requests {
            $(async fn $name(&self, request: S3Request<d::$input>) -> S3Result<S3Response<d::$output>> {
                $path(&self.0, request).await
            })*
        }
    };
}

operations! {
    create_bucket: CreateBucketInput -> CreateBucketOutput = create_bucket;
    head_bucket: HeadBucketInput -> HeadBucketOutput = head_bucket;
    put_object: PutObjectInput -> PutObjectOutput = objects::put;
    copy_object: CopyObjectInput -> CopyObjectOutput = objects::copy;
    get_object: GetObjectInput -> GetObjectOutput = read::get;
    head_object: HeadObjectInput -> HeadObjectOutput = read::head;
    delete_object: DeleteObjectInput -> DeleteObjectOutput = objects::delete;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput = objects::delete_many;
    put_object_retention: PutObjectRetentionInput -> PutObjectRetentionOutput = objects::put_retention;
    get_object_retention: GetObjectRetentionInput -> GetObjectRetentionOutput = objects::get_retention;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output = list::objects;
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput = multipart::create;
    upload_part: UploadPartInput -> UploadPartOutput = multipart::upload_part;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput = multipart::complete;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput = multipart::abort;
    list_parts: ListPartsInput -> ListPartsOutput = uploads::parts;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput = uploads::under_way;
}

async fn create_bucket(
    store: &Arc<Store>,
    request: S3Request<d::CreateBucketInput>,
) -> S3Result<S3Response<d::CreateBucketOutput>> {
    let bucket = request.input.bucket;
    let location = format!("/{bucket}");
    store
        .blocking(move |store| {
            let now_ms = store.now_ms();
            match store.index.write(|db| index::create_bucket(db, &bucket, now_ms))? {
                true => Ok(()),
                false => Err(s3_error!(BucketAlreadyOwnedByYou, "there is a bucket {bucket} already")),
            }
        })
        .await?;
    Ok(S3Response::new(d::CreateBucketOutput {
        location: Some(location),
    }))
}

async fn head_bucket(
    store: &Arc<Store>,
    request: S3Request<d::HeadBucketInput>,
) -> S3Result<S3Response<d::HeadBucketOutput>> {
    let bucket = request.input.bucket;
    store
        .blocking(move |store| store.index.read(|db| index::require_bucket(db, &bucket)))
        .await?;
    let region = Some(crate::REGION.to_owned());
    Ok(S3Response::new(d::HeadBucketOutput {
        bucket_region: region,
        ..Default::default()
    }))
}
