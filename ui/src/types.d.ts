declare module "*.css";
/** The file name of the SharedWorker's script, put in by build.mjs. */
declare const SHARED_STREAM: string;
